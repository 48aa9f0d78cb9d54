//! The page between a button and its order: what the order would do, and whether it would be obeyed.

use askama::Template;
use form_urlencoded::parse;
use schrittmacher_api::{DaemonStatus, PlannedSwitches, ResourceState};

use super::{OrderDoor, view};
use crate::admin::order::{OperatorOrder, OrderOutcome, Target};

/// The order that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Question {
    /// A switch.
    Switch(OperatorOrder),
    /// No automatic switch of this resource for some time.
    Freeze(String),
    /// The end of that.
    Thaw(String),
}

impl Question {
    /// The question in a query: `failover=NAME`, `takeover=NAME`, `freeze=NAME` or `thaw=NAME`.
    pub fn parse(query: &[u8]) -> Option<Question> {
        parse(query).find_map(|(key, value)| {
            let resource = value.into_owned();
            let switch = |target| {
                Question::Switch(OperatorOrder {
                    target,
                    resource: resource.clone(),
                    force: false,
                    dry_run: true,
                })
            };
            match &*key {
                "failover" => Some(switch(Target::OtherSide)),
                "takeover" => Some(switch(Target::ThisSide)),
                "freeze" => Some(Question::Freeze(resource)),
                "thaw" => Some(Question::Thaw(resource)),
                _ => None,
            }
        })
    }

    /// The resource that it is about.
    pub fn resource(&self) -> &str {
        match self {
            Question::Switch(order) => &order.resource,
            Question::Freeze(resource) | Question::Thaw(resource) => resource,
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "question.html")]
pub(in crate::admin) struct QuestionPage {
    host: String,
    title: String,
    resource: String,
    /// The key of the form's field.
    key: &'static str,
    facts: Vec<String>,
    /// Why it is refused.
    refused: Option<String>,
    /// The words on the button; without it nothing can be ordered.
    button: Option<String>,
    force: bool,
    is_freeze: bool,
    needs_token: bool,
}

impl QuestionPage {
    /// The question, with the answer of a dry run if it is about a switch, and what this client needs for an order.
    pub fn new(
        question: &Question,
        status: &DaemonStatus,
        outcome: Option<OrderOutcome>,
        door: OrderDoor,
    ) -> QuestionPage {
        let needs_token = matches!(door, OrderDoor::Token);
        let denied = match door {
            OrderDoor::Closed(why) => Some(why),
            OrderDoor::Open | OrderDoor::Token => None,
        };
        let here = view::short(&status.host);
        let there = view::peer_name(status);
        let name = question.resource().to_owned();
        let one = status.resources.iter().find(|one| one.name == name);
        let mut facts: Vec<String> = one.map(|one| view::both_sides(one, here, &there)).into_iter().collect();
        let (title, key, button) = match question {
            Question::Switch(OperatorOrder { target: Target::OtherSide, .. }) => {
                facts.push(format!(
                    "{here} stops the service first and gives up its address. Then {there} takes over. \
                     Clients get no answer meanwhile."
                ));
                facts.extend(expected(one, |planned| planned.away_seconds));
                let title = format!("Switch {name} to {there}?");
                (title, "failover", format!("Switch to {there}"))
            }
            Question::Switch(OperatorOrder { target: Target::ThisSide, .. }) => {
                facts.push(format!(
                    "{there} is asked for the service. If it is heard, it stops it first; then {here} starts it. \
                     Clients get no answer meanwhile."
                ));
                facts.extend(expected(one, |planned| planned.here_seconds));
                let title = format!("Take over {name} on {here}?");
                (title, "takeover", format!("Take over on {here}"))
            }
            Question::Freeze(_) => {
                facts.push(
                    "No side switches by itself until the time is over or somebody thaws it. If the hot side fails \
                     meanwhile, nobody takes over. Orders are still obeyed."
                        .to_owned(),
                );
                (format!("Freeze {name}?"), "freeze", "Freeze".to_owned())
            }
            Question::Thaw(_) => {
                facts.push("Both sides switch by themselves again.".to_owned());
                (format!("Thaw {name}?"), "thaw", "Thaw".to_owned())
            }
        };
        let missing = one.is_none().then(|| "There is no resource of this name.".to_owned());
        let bad = outcome.filter(|outcome| *outcome != OrderOutcome::Possible);
        let is_joined = bad == Some(OrderOutcome::Joined);
        let refusal = bad.map(|outcome| {
            if is_joined {
                "This switch is under way already.".to_owned()
            } else {
                view::sentence(&outcome.to_string())
            }
        });
        let force = bad.is_some_and(OrderOutcome::force_helps);
        let may = denied.is_none() && missing.is_none() && (bad.is_none() || force);
        QuestionPage {
            host: here.to_owned(),
            title,
            resource: name,
            key,
            facts,
            refused: denied.or(missing).or(refusal),
            button: may.then(|| if force { format!("{button} by force") } else { button }),
            force,
            is_freeze: matches!(question, Question::Freeze(_)),
            needs_token,
        }
    }
}

/// How long the last such switch took, if there was one.
fn expected(one: Option<&ResourceState>, outage: impl Fn(&PlannedSwitches) -> Option<f64>) -> Option<String> {
    let seconds = one?.planned.as_ref().and_then(outage)?;
    Some(format!("The last such switch was {} without service.", view::lasting(seconds)))
}
