//! A least-squares line through the first times of a source, and its doubt.

/// Sums over points: seconds since the first, and ns later than nominal.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineFit {
    /// Points, a mean counted as often as there are points in it, and the number of means.
    points: f64,
    means: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

/// A fitted line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// ns a second by which frames take longer than nominal.
    pub(crate) slope: f64,
    /// Standard deviation of the slope.
    pub(crate) doubt: f64,
    /// ns later than nominal at the last point.
    pub(crate) late_ns: f64,
}

/// Resolution of times passed.
const RESOLUTION_NS: f64 = 1000.0;

impl LineFit {
    /// Adds the mean of `points` points.
    pub(crate) fn add(&mut self, x: f64, y: f64, points: f64) {
        self.points += points;
        self.means += 1.0;
        self.x += points * x;
        self.y += points * y;
        self.xx += points * x * x;
        self.xy += points * x * y;
        self.yy += points * y * y;
    }

    /// The line, and its value at `x`; `None` for too few points.
    pub(crate) fn line(&self, x: f64) -> Option<Line> {
        let n = self.points;
        if self.means < 8.0 {
            return None;
        }
        let (mean_x, mean_y) = (self.x / n, self.y / n);
        let (sxx, sxy, syy) =
            (self.xx - n * mean_x * mean_x, self.xy - n * mean_x * mean_y, self.yy - n * mean_y * mean_y);
        if sxx <= 0.0 {
            return None;
        }
        let slope = sxy / sxx;
        let variance = ((syy - slope * sxy) / (self.means - 2.0)).max(RESOLUTION_NS * RESOLUTION_NS);
        Some(Line { slope, doubt: (variance / sxx).sqrt(), late_ns: mean_y + slope * (x - mean_x) })
    }
}
