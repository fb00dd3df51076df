//! The line under all times of arrival: the estimate of a source's clock where only arrivals are
//! known.
//!
//! A chunk can be late and never early. So the true clock is a line below all points (frame,
//! arrival), as high as they allow. The points are the least delayed ones of *spells* of one
//! second; the line is the edge of their lower convex hull under the middle of the window. Its
//! slope is drawn towards the rate believed before by as much as the delays seen make it doubtful.
//! A point below the line moves it at once. A delay that grows for good is found when the earlier
//! points have left the window, after 17 to 34 minutes.

/// The number of spells in the window.
const SPELLS: usize = 256;
/// The duration of a spell at first, and at most: the window is 34 minutes long.
const SPELL_NS: (f64, f64) = (1e9, 8e9);
/// Doubt about the rate, as a standard deviation: at first, as sound cards are within 100 ppm; at
/// least, as their rate changes with temperature; and what is added each time it is learned anew.
const RATE_DOUBT: f64 = 1.5e-4;
const LEAST_RATE_DOUBT: f64 = 1e-6;
const RATE_WANDER: f64 = 5e-7;
/// The rate is learned from windows of this length, in ns.
const LEARNED_FROM_NS: f64 = 240e9;
/// Resolution of times of arrival.
const RESOLUTION_NS: f64 = 20_000.0;
/// The largest deviation of the rate. Streams that lose a little all the time reach it.
const LARGEST_SLOPE: f64 = 3e-2;
/// A rate this far off is believed at once if the doubt is this many times smaller.
const FAR_OFF: f64 = 1e-3;
const SURE_FACTOR: f64 = 10.0;
/// Spells within which a growth of the delay is looked for.
const RECENT: usize = 16;

/// A point: nominal time of a frame since the origin, and its arrival after that, in ns.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    x: f64,
    y: f64,
}

impl Point {
    /// Its height above a line of slope `slope` through the origin.
    fn above(self, slope: f64) -> f64 {
        self.y - slope * self.x
    }
}

/// The estimate, in bounded memory. An update takes a bounded number of steps.
#[derive(Debug)]
pub(crate) struct LowerEnvelope {
    nominal_ns: f64,
    /// Frame and time from which points are counted.
    origin: (u64, i64),
    spells: [Point; SPELLS],
    len: usize,
    spell_ns: f64,
    /// Beginning of the current spell, and its lowest point.
    began: f64,
    lowest: Point,
    /// The line: a point on it, and its slope.
    on_line: Point,
    slope: f64,
    /// The slope believed before, its standard deviation, and where it was learned last.
    prior: f64,
    prior_doubt: f64,
    learned_at: f64,
    /// Standard deviations of the line at its point, and of its slope.
    doubt: (f64, f64),
    /// Chunks since the restart.
    chunks: u64,
}

impl LowerEnvelope {
    /// Begins at a frame and the arrival of the frame before it, with the period believed.
    pub(crate) fn new(nominal_ns: f64, period_ns: f64, frame: u64, utc_ns: i64) -> Self {
        let slope = (period_ns / nominal_ns - 1.0).clamp(-LARGEST_SLOPE, LARGEST_SLOPE);
        let mut new = Self {
            nominal_ns,
            origin: (frame, utc_ns),
            spells: [Point::default(); SPELLS],
            len: 0,
            spell_ns: SPELL_NS.0,
            began: 0.0,
            lowest: Point::default(),
            on_line: Point::default(),
            slope,
            prior: slope,
            prior_doubt: RATE_DOUBT,
            learned_at: 0.0,
            doubt: (0.0, RATE_DOUBT),
            chunks: 0,
        };
        new.restart(frame, utc_ns);
        new
    }

    /// Begins anew, with the rate as it is.
    pub(crate) fn restart(&mut self, frame: u64, utc_ns: i64) {
        self.origin = (frame, utc_ns);
        self.prior = self.slope;
        (self.len, self.spell_ns, self.began, self.chunks) = (0, SPELL_NS.0, 0.0, 1);
        (self.lowest, self.on_line) = (Point::default(), Point::default());
        (self.doubt, self.learned_at) = ((0.0, self.prior_doubt), 0.0);
    }

    pub(crate) fn period_ns(&self) -> f64 {
        self.nominal_ns * (1.0 + self.slope)
    }

    /// Estimated time of a frame.
    pub(crate) fn predict(&self, frame: u64) -> i64 {
        let x = self.nominal_since_origin(frame);
        let late = self.on_line.y + self.slope * (x - self.on_line.x);
        // Durations are rounded down, as those of segments.
        self.origin.1.saturating_add((x + late).ceil() as i64)
    }

    /// Moves the line and all points in time.
    pub(crate) fn shift(&mut self, ns: i64) {
        self.origin.1 = self.origin.1.saturating_add(ns);
    }

    /// Raises the points between two frames, evenly from 0 to `ns`: their times were taken for too
    /// early by that.
    pub(crate) fn raise(&mut self, from_frame: u64, to_frame: u64, ns: f64) {
        let (from, to) = (self.nominal_since_origin(from_frame), self.nominal_since_origin(to_frame));
        if to <= from {
            return;
        }
        let last = self.len.saturating_sub(2);
        let spells = self.spells[last..self.len].iter_mut();
        for point in spells.chain([&mut self.lowest, &mut self.on_line]).filter(|point| point.x > from) {
            point.y += ns * ((point.x - from) / (to - from)).min(1.0);
        }
    }

    /// Seconds of audio since it began.
    pub(crate) fn locked_s(&self) -> f64 {
        self.lowest.x * 1e-9
    }

    /// Chunks since it began.
    pub(crate) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Standard deviations of the estimated time of a frame, and of the rate.
    pub(crate) fn doubt(&self, frame: u64) -> (f64, f64) {
        let (at_line, rate) = self.doubt;
        let since_ns = (self.nominal_since_origin(frame) - self.on_line.x).max(0.0);
        (at_line + rate * since_ns.min(60e9), rate)
    }

    /// Height of the least delayed of the last chunks above the line: a delay that has grown, for
    /// a while or for good.
    pub(crate) fn recent_height_ns(&self) -> f64 {
        let recent = &self.spells[self.len.saturating_sub(RECENT)..self.len];
        let line = self.on_line.above(self.slope);
        let heights = recent.iter().chain([&self.lowest]).map(|point| point.above(self.slope) - line);
        heights.fold(f64::INFINITY, f64::min).max(0.0)
    }

    fn nominal_since_origin(&self, frame: u64) -> f64 {
        frame.wrapping_sub(self.origin.0).cast_signed() as f64 * self.nominal_ns
    }

    /// Takes the arrival of the frame before `frame`, the least late of `chunks` chunks.
    pub(crate) fn update(&mut self, frame: u64, arrived_utc_ns: i64, chunks: u64) {
        let x = self.nominal_since_origin(frame);
        let point = Point { x, y: arrived_utc_ns.saturating_sub(self.origin.1) as f64 - x };
        self.chunks = self.chunks.saturating_add(chunks);
        if x - self.began >= self.spell_ns {
            self.end_spell();
            (self.began, self.lowest) = (x, point);
            self.fit();
        } else if point.above(self.slope) < self.lowest.above(self.slope) {
            self.lowest = point;
        }
        if point.above(self.slope) < self.on_line.above(self.slope) {
            self.on_line = point;
        }
    }

    /// Adds the lowest point of a spell. A full window gets longer spells, or loses its oldest one.
    fn end_spell(&mut self) {
        if self.len == SPELLS {
            if self.spell_ns < SPELL_NS.1 {
                for pair in 0..SPELLS / 2 {
                    let (one, other) = (self.spells[2 * pair], self.spells[2 * pair + 1]);
                    self.spells[pair] = if one.above(self.slope) <= other.above(self.slope) { one } else { other };
                }
                (self.len, self.spell_ns) = (SPELLS / 2, self.spell_ns * 2.0);
            } else {
                self.spells.copy_within(1.., 0);
                self.len -= 1;
            }
        }
        self.spells[self.len] = self.lowest;
        self.len += 1;
    }

    /// Fits the line to the points of the window.
    fn fit(&mut self) {
        let points = &self.spells[..self.len];
        let edge = if self.len >= 3 { edge_of_hull(points) } else { None };
        let (slope, edge_ns) = edge.map_or((self.prior, 0.0), |(a, b)| ((b.y - a.y) / (b.x - a.x), b.x - a.x));
        let slope = slope.clamp(-LARGEST_SLOPE, LARGEST_SLOPE);
        let at_line = clearance(points, slope) + RESOLUTION_NS;
        let doubt = std::f64::consts::SQRT_2 * at_line / edge_ns;
        let deviation = slope - self.prior;
        // No sound card is that far off: a rate that is, is wrongly declared.
        let is_far_off = deviation.abs() > FAR_OFF.max(SURE_FACTOR * doubt);
        let weight = if is_far_off { 1.0 } else { 1.0 / (1.0 + (doubt / self.prior_doubt).powi(2)) };
        self.slope = self.prior + weight * deviation;
        self.doubt = (at_line, (self.prior_doubt * (1.0 - weight).sqrt()).max((1.0 - weight) * deviation.abs()));
        let lowest = points.iter().chain([&self.lowest]).copied();
        self.on_line = lowest.min_by(|a, b| a.above(self.slope).total_cmp(&b.above(self.slope))).unwrap_or(self.lowest);
        let span = points.last().map_or(0.0, |last| last.x - points[0].x);
        if span >= LEARNED_FROM_NS && self.began - self.learned_at >= span / 2.0 {
            self.learned_at = self.began;
            self.prior = self.slope;
            let doubt = self.prior_doubt * (1.0 - weight).sqrt();
            self.prior_doubt = (doubt.powi(2) + RATE_WANDER.powi(2)).sqrt().max(LEAST_RATE_DOUBT);
        }
    }
}

/// The edge of the lower convex hull under the middle of the points.
fn edge_of_hull(points: &[Point]) -> Option<(Point, Point)> {
    let mut hull = [0_u16; SPELLS];
    let mut len = 0;
    for (number, point) in points.iter().enumerate() {
        while len >= 2 {
            let (a, b) = (points[usize::from(hull[len - 2])], points[usize::from(hull[len - 1])]);
            // `b` lies on or above the line from `a` to the point.
            if (b.x - a.x) * (point.y - a.y) > (b.y - a.y) * (point.x - a.x) {
                break;
            }
            len -= 1;
        }
        hull[len] = number as u16;
        len += 1;
    }
    let middle = (points.first()?.x + points.last()?.x) / 2.0;
    let right = hull[..len].iter().position(|number| points[usize::from(*number)].x >= middle)?.max(1);
    let (a, b) = (points[usize::from(hull[right - 1])], points[usize::from(*hull[..len].get(right)?)]);
    (b.x > a.x).then_some((a, b))
}

/// The typical distance of the lowest points from a line below all: of heights that are spread
/// evenly, the lowest is at a fraction of the eighth.
fn clearance(points: &[Point], slope: f64) -> f64 {
    const LOWEST: usize = 8;
    let mut heights = [0.0; SPELLS];
    let heights = &mut heights[..points.len()];
    for (height, point) in heights.iter_mut().zip(points) {
        *height = point.above(slope);
    }
    if heights.is_empty() {
        return 0.0;
    }
    let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
    let number = LOWEST.min(heights.len()) - 1;
    let (_, eighth, _) = heights.select_nth_unstable_by(number, f64::total_cmp);
    (*eighth - lowest) / 2.0
}
