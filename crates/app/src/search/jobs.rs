//! How many trainings run at once.

use anyhow::{Result, bail};
use burn_tune_search::settings::StudySettings;

use crate::args::{Fuse, MOST_JOBS, RunArgs};

/// Refuses what cannot be meant: `--fuse` where nothing can be fused, or more than a system starts.
///
/// # Errors
///
/// What to do instead.
pub fn check_jobs(args: &RunArgs, can_fuse: bool) -> Result<()> {
    jobs(args, None, None)?;
    let Some(Fuse::Together(most)) = args.fuse else { return Ok(()) };
    if !can_fuse {
        bail!(
            "--fuse is for models that can be trained together, such as burn-tune's own: --jobs says how many trials run at once"
        );
    }
    let other = match (args.jobs, args.per_device) {
        (Some(_), _) => "--jobs",
        (None, Some(_)) => "--per-device",
        (None, None) => return Ok(()),
    };
    bail!(
        "--fuse {most} says how many trainings run at once on a device: leave out {other}, or take it with `--fuse off`"
    )
}

/// How many workers there are to be: what the user says, or as many as are computed together on all devices, or as many as
/// there are devices, or cores. Of those that are computed together no more than the settings, if any, let run at once.
///
/// # Errors
///
/// Where that is more than a system starts.
pub fn jobs(
    args: &RunArgs,
    fused: Option<usize>,
    settings: Option<&StudySettings>,
) -> Result<usize> {
    if let Some(jobs) = args.jobs {
        return Ok(jobs);
    }
    let devices = args.device.len();
    let (each, what) = match (args.fuse, fused, args.per_device) {
        (Some(Fuse::Together(most)), ..) => (most, "trainings"),
        (_, _, Some(each)) => (each, "jobs"),
        (_, Some(most), None) => (most, "trainings"),
        (_, None, None) if devices == 0 => {
            (std::thread::available_parallelism().map_or(1, usize::from), "jobs")
        }
        (_, None, None) => (1, "jobs"),
    };
    let devices = devices.max(1);
    if fused.is_none() && devices.saturating_mul(each) > MOST_JOBS {
        bail!("{devices} devices with {each} {what} each are too many {what}: at most {MOST_JOBS}");
    }
    let most = devices.saturating_mul(each).min(MOST_JOBS);
    let window = settings.and_then(|settings| Some((settings.effective_window()?, settings.folds)));
    Ok(match (window, fused, args.fuse) {
        // Nobody has asked for so many.
        (Some((window, folds)), Some(_), None) if args.per_device.is_none() => {
            (window * folds).min(most)
        }
        _ => most,
    })
}

#[cfg(test)]
mod tests {
    use burn_tune_search::settings::SamplerKind;
    use clap::{Args, FromArgMatches};

    use super::*;

    fn args(text: &str) -> RunArgs {
        let command = RunArgs::augment_args(clap::Command::new("search").no_binary_name(true));
        let matches = command.try_get_matches_from(text.split_whitespace()).unwrap();
        RunArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn as_many_run_at_once_as_the_user_says_or_as_are_computed_together() {
        let count = |text: &str, fused| jobs(&args(text), fused, None).unwrap();
        assert_eq!(count("--jobs 3", None), 3);
        assert_eq!(count("--jobs 3", Some(256)), 3);
        assert_eq!(count("--device 0,1", None), 2);
        assert_eq!(count("--device 0,1 --per-device 4", None), 8);
        assert_eq!(count("--fuse 8", Some(8)), 8);
        assert_eq!(count("--fuse 8 --device 0,1", Some(8)), 16);
        assert_eq!(count("--device 0,1 --per-device 4", Some(256)), 8);
        assert_eq!(count("--fuse off --jobs 2", None), 2);
    }

    #[test]
    fn no_more_than_a_window_allows_are_computed_together_unless_asked_for() {
        let settings =
            StudySettings { sampler: SamplerKind::Tpe, folds: 3, ..StudySettings::default() };
        let count = |text: &str, fused| jobs(&args(text), fused, Some(&settings)).unwrap();
        assert_eq!(count("", Some(256)), 24);
        assert_eq!(count("--fuse 64", Some(64)), 64);
        assert_eq!(count("--jobs 64", Some(256)), 64);
    }

    #[test]
    fn fuse_is_refused_where_it_means_nothing() {
        let refused = |text: &str, can_fuse| {
            check_jobs(&args(text), can_fuse).map_err(|error| error.to_string())
        };
        assert_eq!(refused("--fuse off --jobs 3", false), Ok(()));
        assert_eq!(refused("--fuse 8", true), Ok(()));
        let problem = refused("--fuse 8", false).unwrap_err();
        assert!(
            problem.starts_with("--fuse is for models that can be trained together"),
            "{problem}"
        );
        let problem = refused("--fuse 8 --jobs 3", true).unwrap_err();
        assert!(problem.contains("leave out --jobs"), "{problem}");
        let problem = check_jobs(&args("--fuse 800 --device 0,1"), true).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "2 devices with 800 trainings each are too many trainings: at most 1024"
        );
    }
}
