use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use tempfile::TempDir;

use crate::alsa_format::AlsaFormat;
use crate::position;
use crate::rig_file::rig_file;

/// A microphone without hardware: an ALSA capture device that hears the [`position`] signal.
///
/// The signal sounds at known times whether anything reads it or not. So lost audio is a
/// [break](position::breaks), and [`time_ns`](Self::time_ns) returns the time at which a sample
/// sounded. Offers one or two channels (both the same).
#[derive(Debug)]
pub struct VirtualMic {
    folder: TempDir,
    options: VirtualMicOptions,
    epoch_ns: i64,
    overruns: Cell<u32>,
}

/// Settings of a [`VirtualMic`].
#[derive(Debug, Clone, Copy)]
pub struct VirtualMicOptions {
    /// The only sample rate that it offers.
    pub sample_rate_hz: u32,
    /// The error of its clock in parts per million; positive is fast.
    pub clock_error_ppm: i32,
    /// The sample formats that it offers, by their names in ALSA.
    pub formats: &'static [&'static str],
    /// True if its timestamps are of the monotonic clock, as a sound card's are. Those of a plugin
    /// are of the wall clock, from which PulseAudio computes absurd latencies.
    pub monotonic: bool,
}

impl Default for VirtualMicOptions {
    fn default() -> Self {
        Self {
            sample_rate_hz: 48_000,
            clock_error_ppm: 0,
            formats: &["S16_LE", "S32_LE", "FLOAT_LE"],
            monotonic: false,
        }
    }
}

/// A failure of a microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Delays the reader once, so that its buffer overflows and is lost.
    Overrun,
    /// Delivers nothing and reports no error until [`VirtualMic::heal`]; audio meanwhile is lost.
    Stall,
    /// Fails for good for programs that have it open, and does not exist for others until
    /// [`VirtualMic::heal`].
    Unplugged,
    /// Cannot be opened, as if another program had it, until [`VirtualMic::heal`].
    Busy,
    /// Suspended with the machine, until [`VirtualMic::heal`]; audio meanwhile is lost.
    Suspended,
}

impl VirtualMic {
    /// The device's name in ALSA; `device:alsa:vmic` as a locator.
    ///
    /// `default` is the same microphone with alsa-lib's conversions.
    pub const DEVICE: &str = "vmic";

    /// Builds a microphone of 48 kHz with a true clock.
    ///
    /// # Errors
    /// If it cannot be compiled: it needs a C compiler, pkg-config and alsa-lib's headers.
    pub fn build() -> io::Result<Self> {
        Self::build_with(VirtualMicOptions::default())
    }

    /// Builds a microphone with `options`.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_with(options: VirtualMicOptions) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("virtual-mic-").tempdir_in(folder_of_this_build()?)?;
        compile_plugin(folder.path())?;
        fs::write(folder.path().join("control"), "")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let epoch_ns = i64::try_from(now.as_nanos()).map_err(io::Error::other)?;
        let own = Self { folder, options, epoch_ns, overruns: Cell::new(0) };
        own.offer(options.formats)?;
        Ok(own)
    }

    /// Changes the sample formats on offer, for those who open it from now on.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn offer(&self, formats: &[&str]) -> io::Result<()> {
        let samples: Vec<_> = (0..position::PERIOD).map(|i| i32::from(position::sample(i)) << 16).collect();
        let signals = formats.iter().map(|format| (*format, AlsaFormat::named(format).encode(&samples)));
        self.configure(&signals.collect::<Vec<_>>())
    }

    /// As [`offer`](Self::offer), of a format that is no number, such as `IEC958_SUBFRAME_LE`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn offer_encoded(&self, format: &str) -> io::Result<()> {
        self.configure(&[(format, vec![0x69; 4096])])
    }

    fn configure(&self, formats: &[(&str, Vec<u8>)]) -> io::Result<()> {
        let at = |name: &str| self.folder.path().join(name);
        let mut signals = String::new();
        for (format, bytes) in formats {
            fs::write(at(format), bytes)?;
            signals.push_str(&format!("{format} \"{}\" ", at(format).display()));
        }
        // Does not include the machine's own configuration, which may set another default.
        let configuration = format!(
            r#"pcm_type.virtual_mic {{ lib "{plugin}" }}
pcm.{device} {{
    type virtual_mic
    signals {{ {signals}}}
    control "{control}"
    rate {rate}
    ppm {ppm}
    monotonic {monotonic}
    epoch_ns {epoch_ns}
    hint {{ show on description "Virtual microphone" }}
}}
pcm.default {{ type plug slave.pcm "{device}" hint {{ show on description "Default" }} }}
"#,
            plugin = at(PLUGIN).display(),
            control = at("control").display(),
            device = Self::DEVICE,
            rate = self.options.sample_rate_hz,
            ppm = self.options.clock_error_ppm,
            monotonic = u8::from(self.options.monotonic),
            epoch_ns = self.epoch_ns,
        );
        // In one step: a program may be reading it.
        fs::write(at("next.conf"), configuration)?;
        fs::rename(at("next.conf"), at("asound.conf"))
    }

    /// Returns the environment by which a program finds this microphone and no other device.
    pub fn env(&self) -> Vec<(String, String)> {
        let configuration = self.folder.path().join("asound.conf");
        vec![("ALSA_CONFIG_PATH".to_owned(), configuration.display().to_string())]
    }

    /// As [`env`](Self::env), with this microphone as the first device of the card named `id`.
    ///
    /// # Errors
    /// If the configuration cannot be written.
    pub fn env_of_card(&self, id: &str) -> io::Result<Vec<(String, String)>> {
        let own = fs::read_to_string(self.folder.path().join("asound.conf"))?;
        let begin = format!("pcm.{} {{", Self::DEVICE);
        let body =
            own.split_once(&begin).and_then(|(_, rest)| rest.split_once("    hint")).map_or("", |(body, _)| body);
        // The first is listed, the second is opened.
        let card = format!(
            r#"{own}
pcm."hw:CARD={id},DEV=0" {{{body}    hint {{ show on description "Virtual card" }} }}
pcm.hw {{
    @args [ CARD DEV ]
    @args.CARD {{ type string }}
    @args.DEV {{ type integer default 0 }}
{body}    hint {{ show on description "Virtual card" }}
}}
"#
        );
        let configuration = self.folder.path().join(format!("{id}.conf"));
        fs::write(&configuration, card)?;
        Ok(vec![("ALSA_CONFIG_PATH".to_owned(), configuration.display().to_string())])
    }

    /// Makes the microphone fail from now on.
    ///
    /// # Errors
    /// If its control file cannot be written.
    pub fn fail(&self, fault: Fault) -> io::Result<()> {
        match fault {
            Fault::Overrun => {
                self.overruns.set(self.overruns.get() + 1);
                self.control(&format!("X{}", self.overruns.get()))
            }
            Fault::Stall => self.control("S"),
            Fault::Unplugged => self.control("U"),
            Fault::Busy => self.control("B"),
            Fault::Suspended => self.control("Z"),
        }
    }

    /// Ends the failure; a program that had it open when it was unplugged must open it again.
    ///
    /// # Errors
    /// If its control file cannot be written.
    pub fn heal(&self) -> io::Result<()> {
        self.control("")
    }

    /// Returns the UTC time at which the sample of position 0 sounded first, in ns.
    pub fn epoch_ns(&self) -> i64 {
        self.epoch_ns
    }

    /// Returns the UTC time at which `sample` sounded, in ns.
    ///
    /// The signal repeats every [`position::PERIOD`] samples: returns the time nearest to
    /// `near_ns`.
    pub fn time_ns(&self, sample: i16, near_ns: i64) -> i64 {
        let error = f64::from(self.options.clock_error_ppm) * 1e-6;
        let frames_per_ns = f64::from(self.options.sample_rate_hz) * (1.0 + error) / 1e9;
        let near_frame = ((near_ns - self.epoch_ns) as f64 * frames_per_ns) as i64;
        // Only the last 16 bits of the position are known: the signed distance is at most half a
        // period.
        let distance = position::index(sample).wrapping_sub(near_frame as u16).cast_signed();
        self.epoch_ns + ((near_frame + i64::from(distance)) as f64 / frames_per_ns) as i64
    }

    fn control(&self, text: &str) -> io::Result<()> {
        fs::write(self.folder.path().join("control"), text)
    }
}

/// Returns the folder of this program: plugins can be loaded from there, unlike from a `/tmp`
/// mounted `noexec`.
pub(crate) fn folder_of_this_build() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    program.parent().map(Path::to_owned).ok_or_else(|| io::Error::other("this program is in no folder"))
}

const PLUGIN: &str = "libasound_module_pcm_virtual_mic.so";

/// Compiles the plugin into a folder, and returns its path.
pub(crate) fn compile_plugin(folder: &Path) -> io::Result<PathBuf> {
    let plugin = folder.join(PLUGIN);
    compile(&rig_file("virtual-mic/virtual_mic.c"), &plugin)?;
    Ok(plugin)
}

fn compile(source: &Path, plugin: &Path) -> io::Result<()> {
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", "alsa"]))?;
    let flags = String::from_utf8_lossy(&flags.stdout).into_owned();
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-DPIC", "-shared"]);
    command.arg(source).arg("-o").arg(plugin).args(flags.split_whitespace());
    run(&mut command).map(drop)
}

fn run(command: &mut Command) -> io::Result<Output> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot run {}: {error}", program.display())))?;
    if output.status.success() {
        Ok(output)
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{}: {}\n{stderr}", program.display(), output.status)))
    }
}
