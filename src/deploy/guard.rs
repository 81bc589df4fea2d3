//! What a deploy may take away: nothing, unless a flag allows it; and of a protected stage nothing at all.
//!
//! Asked when the plan is made and before anything of it is carried out, so that a refusal changes nothing.

use std::collections::BTreeSet;

use super::loss::{Flag, Loss};
use super::marks::{self, Marks};
use super::plan::{Action, Plan, Step};
use super::release::Release;
use super::resource::Key;
use crate::error::{Error, Result};

/// What whoever runs rzap allows, and what is known of the last deploy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms<'a> {
    /// `--allow-replace`: what answers may be gone, for a while or for good.
    pub(crate) allow_replace: bool,
    /// `--delete-data`: what holds data may go.
    pub(crate) delete_data: bool,
    /// `protect: true`: none of it, whatever the flags say.
    pub(crate) protect: bool,
    /// The newest release.
    pub(crate) last: Option<&'a Release>,
}

impl Terms<'_> {
    /// What is remembered of a resource; nothing when a run that did not get to its end may have changed it.
    pub(super) fn marks(&self, key: &Key) -> Option<&Marks> {
        let last = self.last?;
        (!last.unfinished.contains(&marks::name(key))).then_some(&last.marks)
    }

    fn allows(&self, flag: Flag) -> bool {
        match flag {
            Flag::AllowReplace => self.allow_replace,
            Flag::DeleteData => self.delete_data,
        }
    }

    /// The flags, each with a space before it.
    pub(crate) fn flags(&self) -> String {
        let given = [Flag::AllowReplace, Flag::DeleteData].into_iter().filter(|flag| self.allows(*flag));
        given.map(|flag| format!(" {}", flag.as_str())).collect()
    }
}

impl Plan {
    /// The flags that it takes and that were not given.
    pub(crate) fn lacks(&self, terms: &Terms<'_>) -> BTreeSet<Flag> {
        let needs = self.steps.iter().flat_map(|step| &step.losses).filter_map(|loss| loss.needs);
        needs.filter(|flag| !terms.allows(*flag)).collect()
    }

    /// Whether it takes something away from a stage that is protected.
    pub(crate) fn is_forbidden(&self, terms: &Terms<'_>) -> bool {
        terms.protect && self.steps.iter().any(is_guarded)
    }

    /// Refuses what takes something away that nobody has allowed.
    ///
    /// # Errors
    /// Each thing is named, with what is lost and the flag, or the line of the config.
    pub(crate) fn check(&self, terms: &Terms<'_>, stage: &str) -> Result<()> {
        self.check_complete()?;
        if self.is_forbidden(terms) {
            let error = Error::failed(format!(
                "stage `{stage}` is protected, and this deploy would take something away for good"
            ));
            return Err(Error { causes: self.named(|_| true), ..error }.hint(
                "no flag overrides that: remove `protect: true` from rzap.yaml if you mean it; nothing was changed",
            ));
        }
        let lacking = self.lacks(terms);
        if lacking.is_empty() {
            return Ok(());
        }
        let flags: Vec<&str> = lacking.iter().map(|flag| flag.as_str()).collect();
        let error = Error::usage(format!(
            "this deploy would take something away for good, and that needs {}",
            flags.join(" and ")
        ));
        let all = format!("{}{}", terms.flags(), flags.iter().map(|flag| format!(" {flag}")).collect::<String>());
        Err(Error { causes: self.named(|flag| lacking.contains(&flag)), ..error }
            .hint(format!("nothing was changed; if you mean it: `rzap deploy {stage}{all}`"))
            .hint(format!("`rzap deploy {stage} --dry-run` shows the whole plan")))
    }

    /// Refuses to remove a stage with data in it that nobody has given up.
    ///
    /// # Errors
    /// Each thing is named, with what is lost and the flag.
    pub(crate) fn check_teardown(&mut self, delete_data: bool, stage: &str) -> Result<()> {
        let lacking = self.lacks(&Terms { allow_replace: true, delete_data, ..Terms::default() });
        if lacking.is_empty() {
            // Nothing has to be allowed any more.
            self.steps.iter_mut().flat_map(|step| &mut step.losses).for_each(|loss| loss.needs = None);
            return Ok(());
        }
        let error = Error::usage("this would delete data for good, and that needs --delete-data");
        Err(Error { causes: self.named(|flag| lacking.contains(&flag)), ..error }
            .hint(format!("nothing was deleted; if you mean it: `rzap undeploy {stage} --delete-data`")))
    }

    /// Refuses what cannot be made because something is missing that only a person can say.
    fn check_complete(&self) -> Result<()> {
        let made = self.steps.iter().filter(|step| matches!(step.action, Action::Create | Action::Replace));
        let lacking: Vec<(Key, String)> = made.filter_map(|step| Some((step.key(), step.resource.lacks()?))).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = lacking.iter().map(|(key, _)| key.to_string()).collect();
        let error = Error::failed(format!("nobody has said what is in the {}", names.join(", the ")));
        let hint = |command: &str| format!("`{command}` asks for it; or write `value` into rzap.yaml");
        Err(lacking.iter().fold(error, |error, (_, command)| error.hint(hint(command))))
    }

    /// Refuses a replacement: `update` changes code in place.
    ///
    /// # Errors
    /// The first thing that would be replaced is named, with why.
    pub(crate) fn check_in_place(&self, stage: &str) -> Result<()> {
        let Some(step) = self.steps.iter().find(|step| step.action == Action::Replace) else { return Ok(()) };
        let why = step.losses.iter().map(Loss::sentence).collect();
        let error = Error::failed(format!("the {} would have to be replaced", step.key()));
        Err(Error { causes: why, ..error }
            .hint(format!("`rzap deploy {stage} --allow-replace` does that; `update` changes code and nothing else")))
    }

    /// Each thing that is lost, with what loses it.
    fn named(&self, which: impl Fn(Flag) -> bool) -> Vec<String> {
        let all = self.steps.iter().flat_map(|step| step.losses.iter().map(move |loss| (step, loss)));
        all.filter(|(_, loss)| loss.needs.is_some_and(&which))
            .map(|(step, loss)| format!("{}: {}", step.key(), loss.sentence()))
            .collect()
    }
}

fn is_guarded(step: &Step) -> bool {
    step.losses.iter().any(|loss| loss.needs.is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::OnceLock;

    use serde_json::json;

    use super::*;
    use crate::deploy::blueprint::Blueprint;
    use crate::deploy::kinds::{Any, Api, Decided, Function, Kind, LogGroup, Settings, Url};
    use crate::deploy::plan::{plan, plan_on, stays};
    use crate::deploy::resource::{Found, Owner};

    fn owner() -> Owner {
        Owner { app: "shop".into(), stage: "dev".into() }
    }

    #[expect(clippy::default_trait_access, reason = "what starts in an image has no name here")]
    fn function(name: &str, image: &str) -> Any {
        let settings = Settings {
            runtime: String::new(),
            handler: String::new(),
            arch: "x86_64".into(),
            memory: 128,
            timeout: 3,
            ephemeral_storage: 512,
            description: String::new(),
            role: String::new(),
            env: BTreeMap::new(),
            dead_letter: None,
            layers: Vec::new(),
            code_sha256: String::new(),
            image: image.into(),
            image_config: Default::default(),
        };
        let decided = Decided { live: OnceLock::from("7".to_owned()), ..Decided::default() };
        Any::Function(Function {
            name: name.into(),
            short_name: name.into(),
            owner: owner(),
            settings,
            reserved_concurrency: None,
            url: Url::None,
            serving: true,
            artifact: (String::new(), String::new()),
            direct: None,
            after: Vec::new(),
            decided,
        })
    }

    fn api(function: &str) -> Any {
        Any::Api(Api::wanted(&owner(), [("ANY /".to_owned(), function.to_owned())].into(), false))
    }

    fn group(days: i32) -> Any {
        Any::LogGroup(LogGroup { name: "logs".into(), owner: owner(), retention_days: Some(days) })
    }

    fn drawn(resources: Vec<Any>) -> Blueprint {
        Blueprint { owner: owner(), resources }
    }

    /// A function becomes an image; its API stays, a log group is another.
    fn replacing() -> Plan {
        let wanted = vec![group(30), function("web", "repository:1"), function("jobs", ""), api("web")];
        let live = vec![group(7), function("web", ""), function("jobs", ""), api("web")];
        plan(&drawn(wanted), &Found::ours(live)).expect("a plan")
    }

    #[test]
    fn what_cannot_be_changed_in_place_is_replaced_and_what_stood_on_it_repaired() {
        let plan = replacing();
        let steps: Vec<_> = plan.steps.iter().map(|step| (step.action, step.key().name)).collect();
        assert_eq!(
            steps,
            [
                (Action::Update, "logs".to_owned()),
                (Action::Keep, "jobs".to_owned()),
                (Action::Replace, "web".to_owned()),
                (Action::Update, "shop-dev".to_owned()),
            ]
        );
        let forced: Vec<_> = plan.steps[2].differences.iter().filter(|it| it.forces_replacement).collect();
        assert!(matches!(forced[..], [one] if one.field == "image"), "{forced:?}");
        let api = &plan.steps[3].differences;
        assert!(matches!(&api[..], [one] if one.field == "permitted" && one.old == json!(false)), "{api:?}");
    }

    #[test]
    fn a_replacement_waits_for_all_that_does_not_wait_for_it() {
        let plan = replacing();
        let waits = |at: usize| plan.waits_for(&plan.steps[at]);
        let (web, jobs) = (Key::new(Kind::Function, "web"), Key::new(Kind::Function, "jobs"));
        assert!(waits(2).contains(&Key::new(Kind::LogGroup, "logs")) && waits(2).contains(&jobs), "{:?}", waits(2));
        assert!(!waits(2).contains(&web) && !waits(2).iter().any(|key| key.kind == Kind::Api), "{:?}", waits(2));
        assert!(waits(3).contains(&web) && !waits(1).contains(&web));
    }

    #[test]
    fn a_refusal_names_each_thing_what_is_lost_and_the_flag() {
        let plan = replacing();
        let error = plan.check(&Terms::default(), "dev").expect_err("must refuse");
        assert_eq!(
            error.causes,
            [
                "function `web`: a zip package cannot become a container image: it answers nobody until it is made anew",
                "function `web`: its versions (up to 7) are deleted: no rollback goes back to them",
            ]
        );
        assert!(error.hints[0].ends_with("`rzap deploy dev --allow-replace`"), "{:?}", error.hints);
        let data = Terms { delete_data: true, ..Terms::default() };
        assert!(plan.check(&data, "dev").is_err(), "another flag does not do");
        let allowed = Terms { allow_replace: true, ..Terms::default() };
        assert!(plan.check(&allowed, "dev").is_ok() && plan.check_in_place("dev").is_err());
        let protected = Terms { protect: true, delete_data: true, ..allowed };
        assert_eq!(plan.check(&protected, "dev").expect_err("must refuse").causes, error.causes);
        assert!(plan.is_forbidden(&protected) && !plan.is_forbidden(&allowed));
    }

    #[test]
    fn data_stays_without_its_flag_and_is_guarded_with_it() {
        let (data, service) = ([Loss::of_data("12 objects")], [Loss::of_address("https://x/")]);
        let (none, flag) = (Terms::default(), Terms { delete_data: true, ..Terms::default() });
        assert_eq!(
            [stays(&data, &none), stays(&data, &flag), stays(&service, &none), stays(&[], &none)],
            [true, false, false, false]
        );
        // It would be deleted: then a protected stage says no.
        let mut plan = plan(&drawn(vec![]), &Found::ours(vec![api("web")])).expect("a plan");
        plan.steps[0].losses = data.into();
        assert!(plan.check(&flag, "dev").is_ok());
        let error = plan.check(&Terms { protect: true, ..flag }, "dev").expect_err("must refuse");
        assert_eq!(error.causes, ["API `shop-dev`: with 12 objects"]);
    }

    #[test]
    fn what_a_failed_run_may_have_changed_is_nobodys() {
        let release = |unfinished: &[&str]| -> Release {
            let text = json!({"number": 1, "app": "shop", "stage": "dev", "at": "", "by": "", "rzap": "", "seconds": 0.0,
                "functions": {}, "marks": Marks::of(&[group(30)])});
            let release: Release = serde_json::from_value(text).expect("a release");
            Release { unfinished: unfinished.iter().map(|name| (*name).to_owned()).collect(), ..release }
        };
        let by_hand = |live: Vec<Any>, release: &Release| {
            let terms = Terms { last: Some(release), ..Terms::default() };
            let plan = plan_on(&drawn(vec![group(30)]), &Found::ours(live), &terms).expect("a plan");
            plan.changes().iter().map(|change| change.drift().is_some()).collect::<Vec<_>>()
        };
        assert_eq!(by_hand(vec![group(7)], &release(&[])), [true]);
        assert_eq!(by_hand(vec![], &release(&[])), [true], "removed by hand");
        assert_eq!(by_hand(vec![group(7)], &release(&["log_group logs"])), [false]);
        assert_eq!(by_hand(vec![], &release(&["log_group logs"])), [false]);
    }
}
