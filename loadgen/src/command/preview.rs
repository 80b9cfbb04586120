//! Requests as they will leave, to be looked at before a run. Secrets are shown by their names.

use std::fmt::Write as _;
use std::sync::Arc;

use truth::plan::Plan;
use truth::plan::event::Events;
use truth::printable::printable;
use truth::scenario::Scenario;
use truth::target::Target;
use truth::target::secrets::Secrets;
use truth::target::sign::SecretEncoding;

use crate::connection::head::Fixed;
use crate::error::Failure;
use crate::lane::job::Content;
use crate::lane::request::Requests;

/// Most bytes of a body that are shown to who did not ask for the whole of it.
const SHOWN: usize = 2_000;

/// Amount of a body that is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Amount {
    /// All of it.
    Whole,
    /// Its beginning.
    Beginning,
}

/// Returns the first requests of a plan. The first one has its head, each has its body.
pub(crate) fn requests(
    scenario: &Scenario,
    plan: &Plan,
    headers: &[String],
    count: u32,
    amount: Amount,
) -> Result<String, Failure> {
    let mut scenario = scenario.clone();
    let secrets = named(&mut scenario.target, plan);
    let endpoint = scenario.target.at_publish().endpoint()?;
    let headers: Vec<String> = headers.iter().map(|header| without_value(header)).collect();
    let fixed = Fixed::of(&scenario, &endpoint, &headers, &secrets)?;
    // The body is shown as it is before it is packed.
    let target = Arc::new(Target { publish: unpacked(&scenario.target), ..scenario.target.clone() });
    let content = Content {
        plan: Arc::new(plan.clone()),
        events: Arc::new(Events::new(plan)),
        target,
        secrets: Arc::new(secrets),
        fixed,
    };
    let mut writer = Requests::new(&content);
    let mut out = String::new();
    let rounds = 0..plan.rounds().unwrap_or(u64::MAX);
    let each = rounds.flat_map(|index| {
        let round = plan.round(index);
        (0..round.requests()).map(move |request| (round.clone(), request))
    });
    for (nth, (round, request)) in each.take(count as usize).enumerate() {
        writer.clear();
        let range = writer.render(&round, request, 0, None);
        let text = String::from_utf8_lossy(writer.bytes(range)).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let title = format!("\nround {}, request {request}\n", round.index);
        let head = if nth == 0 { format!("{}\n\n", shown_head(head)) } else { String::new() };
        write!(out, "{title}{head}{}", shown_body(body, amount)).expect("a String takes all that is written");
    }
    Ok(out)
}

/// Returns secrets that have their own names as values, and takes what cannot be shown without the
/// secret's value from the target.
fn named(target: &mut Target, plan: &Plan) -> Secrets {
    let templates = target.publish_templates();
    let named = templates.iter().flat_map(|(_, template)| template.variables());
    let secrets = Secrets::by_name(named.chain(plan.values.variables()));
    let secrets = secrets.with_kept_by_name(target.kept_names());
    // A name is neither base64 nor hexadecimal digits.
    if let Some(sign) = &mut target.publish.sign {
        sign.secret_is = SecretEncoding::Text;
    }
    secrets
}

fn unpacked(target: &Target) -> truth::target::Publish {
    truth::target::Publish { gzip: false, ..target.publish.clone() }
}

/// Returns a header of the command line, which may hold a secret, without its value.
fn without_value(header: &str) -> String {
    let name = header.split(':').next().unwrap_or_default();
    format!("{name}: (as given by --header)")
}

fn shown_head(head: &str) -> String {
    let lines = head.split("\r\n").filter(|line| !line.starts_with("content-length:"));
    lines.map(|line| printable(line).into_owned()).collect::<Vec<_>>().join("\n")
}

fn shown_body(body: &str, amount: Amount) -> String {
    let lines = |text: &str| text.lines().map(|line| printable(line) + "\n").collect::<String>();
    if amount == Amount::Whole || body.len() <= SHOWN {
        return lines(body);
    }
    let mut end = SHOWN;
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}... ({} bytes in all)\n", lines(&body[..end]), body.len())
}
