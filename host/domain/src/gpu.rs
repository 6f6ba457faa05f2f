//! GPUs of a server: which there are, what each may be asked for, and how many may hold one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{
    limits::{MAX_GPU_HOLDERS, MAX_GPU_KIND, MAX_GPUS},
    text::serde_as_text,
};

/// A kind of GPU, as the operator calls it: `a100`, `rtx-4090`. In lower case, so that one kind has one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GpuKind(String);

/// The text names no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a kind of GPU begins with a letter or digit, consists of letters, digits, . _ - and has {MAX_GPU_KIND} bytes at most"
)]
pub struct GpuKindError;

/// The GPUs of a server: the first is number 0. The text form is `a100:4,h100:2`, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuList(Vec<GpuKind>);

/// Why a text is no list of GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuListError {
    /// None, or too many.
    #[error("a server has 1 to {MAX_GPUS} GPUs, written as kinds with numbers: a100:4,h100:2")]
    Number,
    /// A kind.
    #[error(transparent)]
    Kind(#[from] GpuKindError),
}

/// What a driver makes available of a GPU, with the names of NVIDIA's that engines pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GpuCapability {
    /// CUDA and OpenCL.
    Compute,
    /// 32-bit programs.
    Compat32,
    /// A screen of X11.
    Display,
    /// That it is a GPU, whoever made it.
    Gpu,
    /// OpenGL and Vulkan.
    Graphics,
    /// That it is NVIDIA's.
    Nvidia,
    /// `nvidia-smi`, NVML.
    Utility,
    /// Codecs.
    Video,
}

/// The text names no capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a GPU's capabilities are compute, compat32, display, gpu, graphics, nvidia, utility and video")]
pub struct UnknownGpuCapability;

/// How many may hold one GPU at a time. The text forms are `exclusive` and `shared(N)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LeaseMode {
    /// One. What is in its memory and what it computes is nobody else's affair.
    #[default]
    Exclusive,
    /// So many, at least two. Nothing keeps them from taking each other's memory but themselves.
    Shared(Holders),
}

/// Two or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holders(u16);

/// The text names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease of GPUs is exclusive or shared(N), from 2 to {MAX_GPU_HOLDERS} holders of each")]
pub struct UnknownLeaseMode;

impl GpuKind {
    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GpuList {
    /// How many, at least one.
    pub fn count(&self) -> u16 {
        // Bounded by MAX_GPUS.
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    /// What the GPU of this number is; `None` when there is none.
    pub fn kind(&self, device: u16) -> Option<&GpuKind> {
        self.0.get(usize::from(device))
    }

    /// Each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &GpuKind)> {
        (0..).zip(&self.0)
    }

    /// How many there are of each kind.
    pub fn kinds(&self) -> BTreeMap<&GpuKind, u16> {
        let mut kinds = BTreeMap::new();
        for kind in &self.0 {
            let count: &mut u16 = kinds.entry(kind).or_default();
            *count = count.saturating_add(1);
        }
        kinds
    }
}

impl LeaseMode {
    /// How many may hold one GPU.
    pub const fn holders(self) -> u16 {
        match self {
            Self::Exclusive => 1,
            Self::Shared(Holders(holders)) => holders,
        }
    }
}

impl FromStr for GpuKind {
    type Err = GpuKindError;

    fn from_str(text: &str) -> Result<Self, GpuKindError> {
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        match first && text.len() <= MAX_GPU_KIND && text.bytes().all(plain) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(GpuKindError),
        }
    }
}

impl fmt::Display for GpuKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GpuList {
    type Err = GpuListError;

    fn from_str(text: &str) -> Result<Self, GpuListError> {
        let mut kinds = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (kind, count) = part.split_once(':').unwrap_or((part, "1"));
            let count = number(count).ok_or(GpuListError::Number)?;
            let kind: GpuKind = kind.parse()?;
            kinds.extend(std::iter::repeat_n(kind, count.into()));
            if kinds.len() > MAX_GPUS.into() {
                return Err(GpuListError::Number);
            }
        }
        Ok(Self(kinds))
    }
}

impl fmt::Display for GpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, alike) in self.0.chunk_by(PartialEq::eq).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if let Some(kind) = alike.first() {
                write!(f, "{comma}{kind}:{}", alike.len())?;
            }
        }
        Ok(())
    }
}

impl GpuCapability {
    /// As engines have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Compat32 => "compat32",
            Self::Display => "display",
            Self::Gpu => "gpu",
            Self::Graphics => "graphics",
            Self::Nvidia => "nvidia",
            Self::Utility => "utility",
            Self::Video => "video",
        }
    }
}

impl FromStr for GpuCapability {
    type Err = UnknownGpuCapability;

    fn from_str(text: &str) -> Result<Self, UnknownGpuCapability> {
        let all = [
            Self::Compute,
            Self::Compat32,
            Self::Display,
            Self::Gpu,
            Self::Graphics,
            Self::Nvidia,
            Self::Utility,
            Self::Video,
        ];
        let mut named = all.into_iter().filter(|capability| capability.as_str() == text);
        named.next().ok_or(UnknownGpuCapability)
    }
}

impl fmt::Display for GpuCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LeaseMode {
    type Err = UnknownLeaseMode;

    fn from_str(text: &str) -> Result<Self, UnknownLeaseMode> {
        if text == "exclusive" {
            return Ok(Self::Exclusive);
        }
        let inner = text
            .strip_prefix("shared(")
            .and_then(|rest| rest.strip_suffix(')'));
        let holders = inner
            .and_then(number)
            .filter(|holders| (2..=MAX_GPU_HOLDERS).contains(holders));
        holders
            .map(|it| Self::Shared(Holders(it)))
            .ok_or(UnknownLeaseMode)
    }
}

impl fmt::Display for LeaseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exclusive => f.write_str("exclusive"),
            Self::Shared(Holders(holders)) => write!(f, "shared({holders})"),
        }
    }
}

/// From 1 to [`MAX_GPUS`]. Digits only: `+1` is a typing error.
pub(crate) fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| (1..=MAX_GPUS).contains(number));
    number.filter(|_| digits)
}

serde_as_text!(GpuKind);
serde_as_text!(GpuList);
serde_as_text!(GpuCapability);
serde_as_text!(LeaseMode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gpus_of_a_server_are_numbered_in_the_order_they_are_written_in() {
        for (text, written, count) in [
            ("a100", "a100:1", 1),
            ("A100:4, h100:2", "a100:4,h100:2", 6),
            ("a100:1,a100:1,rtx-4090:1,a100:1", "a100:2,rtx-4090:1,a100:1", 4),
            ("l4:64", "l4:64", 64),
        ] {
            let gpus: GpuList = text.parse().unwrap();
            assert_eq!((gpus.to_string().as_str(), gpus.count()), (written, count));
            assert_eq!(written.parse::<GpuList>().unwrap(), gpus);
            assert_eq!(gpus.kinds().values().sum::<u16>(), count);
            assert_eq!(gpus.iter().map(|(device, _)| device).max(), Some(count - 1));
            assert_eq!(gpus.kind(count), None);
        }
        let gpus: GpuList = "a100:2,h100:1".parse().unwrap();
        let kinds: Vec<_> = gpus
            .iter()
            .map(|(device, kind)| (device, kind.as_str()))
            .collect();
        assert_eq!(kinds, [(0, "a100"), (1, "a100"), (2, "h100")]);
    }

    #[test]
    fn a_list_of_gpus_that_no_server_has_is_refused() {
        for bad in [
            "a100:0",
            "a100:65",
            "a100:40,h100:40",
            "a100:+1",
            "a100:",
            "a100:1:1",
        ] {
            assert_eq!(bad.parse::<GpuList>(), Err(GpuListError::Number), "{bad}");
        }
        let long = "a".repeat(MAX_GPU_KIND + 1);
        for bad in ["", ",", "a100,", ":4", "a 100", "-a", "ä", "a/b", &long] {
            assert_eq!(bad.parse::<GpuList>(), Err(GpuKindError.into()), "{bad}");
        }
    }

    #[test]
    fn a_gpu_has_one_holder_or_a_few() {
        for (text, holders) in [("exclusive", 1), ("shared(2)", 2), ("shared(16)", 16)] {
            let mode: LeaseMode = text.parse().unwrap();
            assert_eq!((mode.to_string().as_str(), mode.holders()), (text, holders));
        }
        for bad in [
            "",
            "shared",
            "shared(1)",
            "shared(0)",
            "shared(17)",
            "shared(-2)",
            "Exclusive",
        ] {
            assert_eq!(bad.parse::<LeaseMode>(), Err(UnknownLeaseMode), "{bad}");
        }
    }
}
