//! Answers to admission reviews.

use engine::Refusal;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use serde_json::Value;

/// The kind of an answer, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    Allowed,
    Refused,
    Unavailable,
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Refused => "refused",
            Verdict::Unavailable => "unavailable",
        }
    }
}

pub(super) type Review = AdmissionReview<DynamicObject>;

pub(super) fn allow(request: &AdmissionRequest<DynamicObject>) -> Review {
    AdmissionResponse::from(request).into_review()
}

/// With every refusal on a line of its own: all that is wrong at once.
pub(super) fn refuse(request: &AdmissionRequest<DynamicObject>, refusals: &[Refusal]) -> Review {
    let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    // The API's own `Invalid` is about fields, and clients print it so.
    let reason = refusals.first().map(Refusal::reason);
    let reason = reason
        .filter(|&reason| reason != "Invalid")
        .unwrap_or("Forbidden");
    failure(request, 403, reason, lines.join("\n"))
}

/// The object itself cannot be read.
pub(super) fn unreadable(request: &AdmissionRequest<DynamicObject>, problem: String) -> Review {
    failure(request, 422, "Invalid", problem)
}

/// Nobody can say at present. Clients may try again.
pub(super) fn unavailable(request: &AdmissionRequest<DynamicObject>) -> Review {
    let text = "no replica of quota-controller decides at present, so nothing can be leased and no pod can grow; \
                try again in some seconds, and if that does not help look at the logs of quota-controller";
    failure(request, 503, "ServiceUnavailable", text.into())
}

/// With a JSON patch.
pub(super) fn patched(request: &AdmissionRequest<DynamicObject>, patch: Vec<Value>) -> Review {
    if patch.is_empty() {
        return allow(request);
    }
    let response = AdmissionResponse::from(request);
    let patched = serde_json::from_value(Value::Array(patch))
        .map_err(|error| error.to_string())
        .and_then(|patch| {
            response
                .with_patch(patch)
                .map_err(|error| error.to_string())
        });
    match patched {
        Ok(response) => response.into_review(),
        Err(problem) => unreadable(request, problem),
    }
}

fn failure(
    request: &AdmissionRequest<DynamicObject>,
    code: u16,
    reason: &str,
    message: String,
) -> Review {
    let mut response = AdmissionResponse::from(request).deny(message);
    response.result.code = code;
    response.result.reason = reason.into();
    response.into_review()
}
