//! A live run is played by hand-written logs and tables; the program itself is run in `tests/compare_live.rs`.

use super::lineup::{Verdict, line_up};
use super::pods::Pod;
use super::report::Comparison;
use super::steps::{Step, Steps, Verb};
use super::{History, Tolerance, folder, waits};
use decision_log::Decision;
use engine::spec::{PodId, PodSpec, WorkloadKey};
use engine::{Action, Cause, Event, Span, Time};
use expect_test::expect;

const TOLERANCE: Tolerance = Tolerance {
    millionths: 50_000,
    slack: Span(1000),
    together: Span(5000),
};

/// `at` in seconds, the verb's first letter, the workload, the amount.
fn step(at: i64, verb: Verb, workload: &str, amount: u32) -> Step {
    Step {
        began: at * 1000,
        ended: at * 1000,
        verb,
        namespace: "ml".into(),
        workload: workload.into(),
        amount,
    }
}

fn verdicts(live: &[Step], simulated: &[Step]) -> Vec<Verdict> {
    let pairs = line_up(live, simulated, &TOLERANCE);
    pairs.into_iter().map(|pair| pair.verdict).collect()
}

fn pod(name: &str, workload: &str, submitted: i64, started: Option<i64>) -> Pod {
    Pod {
        namespace: "ml".into(),
        workload: workload.into(),
        name: name.into(),
        submitted,
        // Half of a wait is for admission, unless it is odd.
        admitted: started.map(|started| (submitted + started) / 2),
        started,
    }
}

fn arrived(id: u64, name: &str) -> Event {
    Event::PodArrived(PodSpec {
        id: PodId(id),
        namespace: "ml".into(),
        name: name.into(),
        priority: 0,
        created: Time(0),
        template: Default::default(),
        pool: None,
        group: None,
        ordinal: None,
        workload: None,
    })
}

fn scaled(from: u32, to: u32) -> Action {
    let cause = if to < from {
        Cause::Drain
    } else {
        Cause::Growth
    };
    scaled_because(from, to, cause)
}

fn scaled_because(from: u32, to: u32, cause: Cause) -> Action {
    Action::Scale {
        workload: WorkloadKey {
            namespace: "ml".into(),
            name: "train".into(),
        },
        from,
        to,
        remove: vec![],
        cause,
    }
}

fn admitted(id: u64) -> Action {
    Action::Admit {
        pod: PodId(id),
        node: None,
    }
}

fn steps(start: i64, decisions: &[(i64, Vec<Event>, Vec<Action>)]) -> Vec<String> {
    let pods = [pod("web-1", "web", 0, None), pod("web-2", "web", 0, None)];
    let owners = super::pods::owners(&pods);
    let mut steps = Steps::new(Time(start), TOLERANCE.together, &owners);
    for (now, events, actions) in decisions {
        steps.decision(&Decision {
            now: Time(*now),
            events: events.clone(),
            actions: actions.clone(),
        });
    }
    let text = |step: Step| {
        let Step {
            began,
            ended,
            verb,
            workload,
            amount,
            ..
        } = step;
        format!("{began}..{ended} {verb:?} {workload} {amount}")
    };
    steps.finish().into_iter().map(text).collect()
}

#[test]
fn what_is_decided_close_together_is_one_step() {
    let decisions = [
        (
            1000,
            vec![arrived(1, "web-1")],
            vec![admitted(1), scaled(2, 3)],
        ),
        (
            3000,
            vec![arrived(2, "web-2")],
            vec![admitted(2), scaled(3, 4)],
        ),
        (4000, vec![], vec![scaled(4, 3)]),
        (5000, vec![], vec![scaled(3, 5), scaled(5, 5)]),
        (12_000, vec![], vec![scaled(5, 6)]),
    ];
    assert_eq!(
        steps(0, &decisions),
        [
            "1000..3000 Admit web 2",
            "1000..3000 Grow train 4",
            "4000..4000 Shrink train 3",
            "5000..5000 Grow train 5",
            "12000..12000 Grow train 6",
        ]
    );
}

#[test]
fn an_owner_that_asked_for_more_than_its_minimum_has_grown_to_it() {
    let decisions = [
        (0, vec![], vec![scaled_because(15, 2, Cause::Admitted)]),
        (9000, vec![], vec![scaled_because(5, 3, Cause::Bounds)]),
    ];
    assert_eq!(
        steps(0, &decisions),
        ["0..0 Grow train 2", "9000..9000 Shrink train 3"]
    );
}

#[test]
fn what_was_decided_before_instant_0_is_not_compared_and_its_pods_are_known() {
    let decisions = [
        (
            1000,
            vec![arrived(1, "web-1"), arrived(2, "web-2")],
            vec![admitted(1)],
        ),
        (3000, vec![], vec![admitted(2)]),
    ];
    assert_eq!(steps(2000, &decisions), ["1000..1000 Admit web 1"]);
}

#[test]
fn a_step_that_only_one_side_has_does_not_shift_those_behind_it() {
    let simulated = [
        step(0, Verb::Grow, "a", 10),
        step(20, Verb::Shrink, "a", 4),
        step(40, Verb::Grow, "a", 10),
    ];
    let live = [step(1, Verb::Grow, "a", 10), step(41, Verb::Grow, "a", 10)];
    assert_eq!(
        verdicts(&live, &simulated),
        [Verdict::Same, Verdict::OnlySimulated, Verdict::Same]
    );
    assert_eq!(
        verdicts(&simulated, &live),
        [Verdict::Same, Verdict::OnlyLive, Verdict::Same]
    );
}

#[test]
fn steps_that_are_far_apart_are_two() {
    let simulated = [step(0, Verb::Grow, "a", 10)];
    let verdicts_at = |at: i64| verdicts(&[step(at, Verb::Grow, "a", 10)], &simulated);
    assert_eq!(verdicts_at(50), [Verdict::Same]);
    assert_eq!(verdicts_at(51), [Verdict::OnlySimulated, Verdict::OnlyLive]);
}

#[test]
fn amounts_are_the_same_near_or_different() {
    let simulated = [
        step(0, Verb::Admit, "a", 100),
        step(10, Verb::Admit, "a", 100),
        step(20, Verb::Admit, "a", 100),
    ];
    let live = [
        step(0, Verb::Admit, "a", 100),
        step(10, Verb::Admit, "a", 95),
        step(20, Verb::Admit, "a", 94),
    ];
    assert_eq!(
        verdicts(&live, &simulated),
        [Verdict::Same, Verdict::Near, Verdict::Amount]
    );
}

#[test]
fn what_comes_in_another_order_is_told_unless_it_is_simultaneous() {
    let simulated = [
        step(0, Verb::Shrink, "a", 1),
        step(10, Verb::Shrink, "b", 1),
    ];
    let live = [
        step(10, Verb::Shrink, "b", 1),
        step(20, Verb::Shrink, "a", 1),
    ];
    assert_eq!(verdicts(&live, &simulated), [Verdict::Same, Verdict::Order]);
    let soon = [step(4, Verb::Shrink, "b", 1), step(8, Verb::Shrink, "a", 1)];
    assert_eq!(verdicts(&soon, &simulated), [Verdict::Same, Verdict::Same]);
}

#[test]
fn waits_agree_within_the_tolerance_or_the_slack() {
    let simulated = [
        pod("a-0", "a", 0, Some(40_000)),
        pod("b-0", "b", 0, Some(500)),
    ];
    let judge = |a: i64, b: i64| -> Vec<bool> {
        let live = [pod("a-x", "a", 0, Some(a)), pod("b-x", "b", 0, Some(b))];
        let compared = waits::compare(&live, &simulated, &TOLERANCE);
        compared.iter().map(|waits| waits.agrees).collect()
    };
    assert_eq!(judge(42_000, 1500), [true, true]);
    assert_eq!(judge(42_001, 1501), [false, false]);
    assert_eq!(judge(38_000, 0), [true, true]);
    assert_eq!(judge(37_999, 0), [false, true]);
}

#[test]
fn pods_that_run_on_one_side_only_are_a_difference() {
    let simulated = [pod("a-0", "a", 0, Some(1000))];
    let live = [pod("a-x", "a", 0, None)];
    let compared = waits::compare(&live, &simulated, &TOLERANCE);
    assert!(!compared[0].agrees);
    assert_eq!(
        (compared[0].live.started, compared[0].live.never_started),
        (0, 1)
    );
    assert!(!waits::compare(&[], &simulated, &TOLERANCE)[0].agrees);
}

#[test]
fn the_text_shows_the_first_difference_with_what_is_around_it() {
    let history = |steps: Vec<Step>, started: i64| History {
        steps,
        pods: vec![
            pod("web-0", "web", 0, Some(started)),
            pod("a-0", "a", 0, Some(2000)),
        ],
    };
    let simulated: Vec<Step> = (0..8).map(|n| step(n * 10, Verb::Admit, "a", 1)).collect();
    let mut live = simulated.clone();
    live[4].amount = 3;
    live.push(step(90, Verb::Evict, "a", 2));
    let comparison = Comparison::new(
        ("edl", "leasehold"),
        &history(live, 4500),
        &history(simulated, 3000),
        TOLERANCE,
    );
    assert!(!comparison.agrees());
    expect![[r#"
        edl under leasehold: live and simulated, 5 % or 1 s apart at most

        decisions: 9 steps live, 8 simulated: 7 the same, 0 within the tolerance, 2 differ
        the first difference is step 5:
               live  simulated  step
                     … 2 more
             20.000     20.000  admit  ml/a: 1 pods
             30.000     30.000  admit  ml/a: 1 pods
             40.000     40.000  admit  ml/a: 3 (simulated 1) pods  DIFFERS
             50.000     50.000  admit  ml/a: 1 pods
             60.000     60.000  admit  ml/a: 1 pods
             70.000     70.000  admit  ml/a: 1 pods
             90.000          -  evict  ml/a: 2 pods  ONLY LIVE

        waits of pods, from creation to running, in seconds: 2 workloads, 1 differ
          workload     pods ran  mean live  simulated     apart   1st live  simulated   to admit  simulated
          ml/a                1      2.000      2.000       0 %      2.000      2.000      1.000      1.000
          ml/web              1      4.500      3.000      50 %      4.500      3.000      2.250      1.500  DIFFERS
          all                 2      3.250      2.500      30 %      2.000      2.000      1.625      1.250
    "#]]
    .assert_eq(&comparison.text());
    let json: serde_json::Value = serde_json::from_str(&comparison.json().unwrap()).unwrap();
    assert_eq!(json["firstDifference"], 4);
    assert_eq!(json["stepsDiffer"], 2);
    assert_eq!(json["steps"][8]["verdict"], "onlyLive");
    assert_eq!(json["waits"][1]["live"]["mean"], 4.5);
}

#[test]
fn the_files_of_a_log_are_read_the_oldest_first_whatever_their_names() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    let log = |name: &str, now: i64, pod: u64| {
        let text = format!(
            "{{\"time\":{now}.0,\"now\":{now}000,\"events\":[],\"actions\":[{{\"admit\":{{\"pod\":{pod}}}}}]}}\n"
        );
        write(name, &text);
    };
    write(
        "pods.csv",
        "namespace,workload,pod,submitted,admitted,started\n",
    );
    log("decisions.jsonl", 400, 4);
    log("decisions.jsonl.1", 300, 3);
    log("decisions.jsonl.10", 100, 1);
    log("decisions.2.jsonl", 200, 2);
    write("decisions-empty.jsonl", "{\"audit\":{}}\n");
    let history = folder::read_folder(home.path(), TOLERANCE.together).unwrap();
    let began: Vec<i64> = history.steps.iter().map(|step| step.began).collect();
    assert_eq!(began, [100_000, 200_000, 300_000, 400_000]);
}

#[test]
fn a_folder_tells_what_is_missing_in_it() {
    let home = tempfile::tempdir().unwrap();
    let told = || {
        let problem = folder::read_folder(home.path(), TOLERANCE.together).unwrap_err();
        problem
            .to_string()
            .replace(&home.path().display().to_string(), "LIVE")
    };
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    assert!(
        told().contains("LIVE: holds no decisions.jsonl"),
        "{}",
        told()
    );
    write("decisions.jsonl", "{\"audit\": {}}\n");
    assert!(
        told().contains("LIVE: holds no decisions.jsonl"),
        "{}",
        told()
    );
    write(
        "decisions.jsonl",
        "{\"now\":5,\"events\":[],\"actions\":[]}\n",
    );
    assert!(told().contains("tells no instant 0"), "{}", told());
    write("run.json", "{\"schema\": \"x/v0\", \"start\": 5}");
    assert!(told().contains("has the schema `x/v0`"), "{}", told());
    write(
        "run.json",
        "{\"schema\": \"leasehold.dev/live-run/v1\", \"start\": 5}",
    );
    assert!(told().contains("pods.csv"), "{}", told());
    let header = "namespace,workload,pod,submitted,admitted,placed,started,ended,node,outcome";
    write(
        "pods.csv",
        &format!("{header}\nml,a,a-0,soon,,,,,,pending\n"),
    );
    assert!(
        told().contains("pods.csv:2:10: column submitted"),
        "{}",
        told()
    );
    write(
        "pods.csv",
        &format!("{header}\nml,a,a-0,-0.5,0.375,,1.250,,,running\n"),
    );
    let history = folder::read_folder(home.path(), TOLERANCE.together).unwrap();
    assert_eq!(history.pods, [pod("a-0", "a", -500, Some(1250))]);
}
