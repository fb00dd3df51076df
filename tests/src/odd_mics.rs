use std::path::Path;
use std::{fs, io};

use tempfile::TempDir;

use crate::alsa_format::{AlsaFormat, noise};
use crate::virtual_mic::{compile_plugin, folder_of_this_build};

/// A virtual microphone with an unusual offer.
#[derive(Debug, Clone)]
pub struct OddMic {
    /// Its name in ALSA.
    pub name: String,
    /// The sample formats that it offers, by their names in ALSA. In those of numbers it hears the
    /// [`noise`].
    pub formats: Vec<&'static str>,
    /// The rates that it offers.
    pub rates: Vec<u32>,
    /// The end of a range of rates that begins at the first of `rates`.
    pub max_rate: Option<u32>,
    /// The fewest and the most channels, all with the same signal.
    pub channels: (u32, u32),
    /// True if it delivers each channel on its own.
    pub apart: bool,
}

impl OddMic {
    /// Makes a microphone of one channel and 48 kHz.
    pub fn new(name: &str, formats: &[&'static str]) -> Self {
        let formats = formats.to_vec();
        Self { name: name.to_owned(), formats, rates: vec![48_000], max_rate: None, channels: (1, 1), apart: false }
    }
}

/// Virtual microphones in one configuration of ALSA.
#[derive(Debug)]
pub struct OddMics {
    folder: TempDir,
}

impl OddMics {
    /// Builds microphones. Each is also there with ALSA's conversions, as `plug-NAME`.
    ///
    /// # Errors
    /// If the plugin cannot be compiled, or a file not written.
    pub fn build(mics: &[OddMic]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("odd-mics-").tempdir_in(folder_of_this_build()?)?;
        let plugin = compile_plugin(folder.path())?;
        let mut configuration = format!("pcm_type.virtual_mic {{ lib \"{}\" }}\n", plugin.display());
        // As on a machine: a device that converts any other, and one that writes what it hears.
        configuration.push_str(
            "pcm.plug { @args [ SLAVE ] @args.SLAVE { type string } type plug slave.pcm $SLAVE route_policy default }\n",
        );
        configuration.push_str(
            "pcm.file { @args [ FILE SLAVE ] @args.FILE { type string } @args.SLAVE { type string } type file slave.pcm \
             $SLAVE file $FILE format raw }\n",
        );
        for mic in mics {
            configuration.push_str(&definition(folder.path(), mic)?);
        }
        fs::write(folder.path().join("asound.conf"), configuration)?;
        Ok(Self { folder })
    }

    /// Returns the environment by which a program finds these microphones and no other device.
    pub fn env(&self) -> Vec<(String, String)> {
        let configuration = self.folder.path().join("asound.conf");
        vec![("ALSA_CONFIG_PATH".to_owned(), configuration.display().to_string())]
    }
}

fn definition(folder: &Path, mic: &OddMic) -> io::Result<String> {
    let noise = noise();
    let mut signals = String::new();
    for format in &mic.formats {
        let file = folder.join(format);
        if !file.exists() {
            let known = AlsaFormat::all().into_iter().find(|known| known.name == *format);
            fs::write(&file, known.map_or_else(|| vec![0x69; 4096], |known| known.encode(&noise)))?;
        }
        signals.push_str(&format!("{format} \"{}\" ", file.display()));
    }
    let rates: Vec<_> = mic.rates.iter().map(ToString::to_string).collect();
    let rates = if mic.max_rate.is_some() { rates[0].clone() } else { format!("[ {} ]", rates.join(" ")) };
    let max_rate = mic.max_rate.map_or_else(String::new, |rate| format!("    rate_max {rate}\n"));
    Ok(format!(
        r#"pcm."{name}" {{
    type virtual_mic
    signals {{ {signals} }}
    rate {rates}
{max_rate}    channels_min {fewest}
    channels_max {most}
    apart {apart}
    hint {{ show on description "Odd microphone" }}
}}
pcm."plug-{name}" {{ type plug slave.pcm "{name}" hint {{ show on description "Converted" }} }}
"#,
        name = mic.name,
        fewest = mic.channels.0,
        most = mic.channels.1,
        apart = u8::from(mic.apart),
    ))
}
