//! How much memory a message takes, whatever its shape. The only test here: the allocator counts for the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use callback::{Callback, MAX_BODY_BYTES, MAX_DEPTH};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What a message may take beside ten times its body: up to `MAX_OBJECTS` objects of 640 bytes, in payload, values and
/// unknown members.
const CONSTANT: usize = 80 * 1024 * 1024;

fn repeated(bytes: usize, unit: impl Fn(usize) -> String) -> String {
    let (mut text, mut number) = (String::new(), 0);
    while text.len() < bytes {
        text += &unit(number);
        number += 1;
    }
    text.trim_end_matches(',').to_owned()
}

fn count(number: usize, unit: impl Fn(usize) -> String) -> String {
    (0..number).map(unit).collect::<String>().trim_end_matches(',').to_owned()
}

fn rest(members: &str) -> String {
    format!("{{\"requestId\":\"r\",{members}}}")
}

fn soap(contents: &str) -> String {
    format!("<Envelope><Body><CallbackRequest><RequestId>r</RequestId>{contents}</CallbackRequest></Body></Envelope>")
}

fn id(number: usize) -> String {
    format!("{{\"id\":\"555{number:07}\",\"kind\":\"mdn\"}},")
}

fn device(number: usize) -> String {
    format!("<Device><Kind>mdn</Kind><Identifier>555{number:07}</Identifier></Device>")
}

/// Messages of many kinds, as large as a body can be and some smaller.
fn families() -> Vec<(&'static str, String)> {
    let size = MAX_BODY_BYTES - 4096;
    let long = "x".repeat(size / 2);
    let ids = count(2_000, id);
    let devices = count(2_000, device);
    let in_depth = |unit: &str| unit.repeat(MAX_DEPTH - 6);
    vec![
        (
            "2,000 ids and 2,000 items",
            rest(&format!(
                "\"deviceIds\":[{ids}],\"deviceResponse\":{{\"usageResponse\":[{}]}}",
                count(2_000, |number| format!(
                    "{{\"bytesUsed\":{number},\"servicePlan\":\"a plan of some length\",\"source\":\"s\"}},"
                ))
            )),
        ),
        (
            "33,000 ids",
            rest(&format!(
                "\"deviceIds\":[{}]",
                count(33_000, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\"}},"))
            )),
        ),
        (
            "33,000 distinct kinds",
            rest(&format!(
                "\"deviceIds\":[{}]",
                count(33_000, |number| format!("{{\"id\":\"1\",\"kind\":\"{number}\"}},"))
            )),
        ),
        (
            "33,000 ids with more",
            rest(&format!(
                "\"deviceIds\":[{}]",
                repeated(size, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\",\"x\":1}},"))
            )),
        ),
        (
            "16,000 ids with more",
            rest(&format!(
                "\"deviceIds\":[{}]",
                count(16_000, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\",\"x\":1}},"))
            )),
        ),
        (
            "a long id and items",
            rest(&format!(
                "\"deviceIds\":[{{\"id\":\"{long}\",\"kind\":\"eid\"}},{{\"id\":\"1{}\",\"kind\":\"imei\"}}],\"list\":[{}]",
                " ".repeat(size / 4),
                count(9_000, |_| "{\"mdn\":\"5550100101\"},".to_owned())
            )),
        ),
        (
            "many arrays under a long name",
            rest(&format!(
                "\"{long}\":{{{}}}",
                count(10_000, |number| format!("\"a{number}\":[{{\"mdn\":\"555{number:07}\"}}],"))
            )),
        ),
        (
            "many arrays in depth",
            rest(&format!(
                "\"a\":{}{{{}}}{}",
                in_depth("{\"a\":"),
                count(16_000, |number| format!("\"a{number}\":[{{\"mdn\":\"555{number:07}\"}}],")),
                in_depth("}")
            )),
        ),
        (
            "flat items",
            rest(&format!("\"devices\":[{}]", repeated(size, |number| format!("{{\"mdn\":\"555{number:07}\"}},")))),
        ),
        (
            "flat items with members",
            rest(&format!(
                "\"devices\":[{}]",
                repeated(size, |number| format!("{{\"mdn\":\"555{number:07}\",\"a\":1,\"b\":\"two\",\"c\":null}},"))
            )),
        ),
        (
            "16,000 flat items",
            rest(&format!("\"devices\":[{}]", count(16_000, |number| format!("{{\"mdn\":\"555{number:07}\"}},")))),
        ),
        (
            "flat items in depth",
            rest(&format!(
                "\"a\":{}[{}]{}",
                in_depth("{\"a\":"),
                repeated(size, |number| format!("{{\"mdn\":\"555{number:07}\"}},")),
                in_depth("}")
            )),
        ),
        (
            "items in a wrapper",
            rest(&format!(
                "\"deviceResponse\":[{}]",
                repeated(size, |number| format!("{{\"mdn\":\"555{number:07}\",\"aResponse\":{{\"a\":1}}}},"))
            )),
        ),
        (
            "items with pairs",
            rest(&format!(
                "\"deviceResponse\":{{\"usageResponse\":[{}]}}",
                repeated(size, |number| format!(
                    "{{\"deviceIds\":[{}],\"bytesUsed\":{number}}},",
                    id(number).trim_end_matches(',')
                ))
            )),
        ),
        (
            "items under a long name",
            rest(&format!("\"{long}\":[{}]", count(8_000, |number| format!("{{\"mdn\":\"555{number:07}\"}},")))),
        ),
        ("ids and a long name", rest(&format!("\"deviceIds\":[{ids}],\"{long}\":{{\"a\":1}}"))),
        ("ids and a long account", rest(&format!("\"deviceIds\":[{ids}],\"accountName\":\"{long}\""))),
        (
            "ids and a long fault",
            rest(&format!(
                "\"deviceIds\":[{ids}],\"faultResponse\":{{\"faultcode\":\"c\",\"faultstring\":\"{long}\"}}"
            )),
        ),
        (
            "30,000 ids and a fault",
            rest(&format!(
                "\"deviceIds\":[{}],\"faultResponse\":{{\"faultcode\":\"{}\",\"faultstring\":\"{}\"}},\"accountName\":\"{}\"",
                count(30_000, |number| format!("{{\"id\":\"{number}\",\"kind\":\"mdn\"}},")),
                "c".repeat(256),
                "s".repeat(1024),
                "a".repeat(256)
            )),
        ),
        ("ids and a long status", rest(&format!("\"deviceIds\":[{ids}],\"status\":\"{long}\""))),
        (
            "ids and a long value",
            rest(&format!("\"deviceIds\":[{ids}],\"deviceResponse\":{{\"aResponse\":\"{long}\"}}")),
        ),
        ("one id of half a body", rest(&format!("\"deviceIds\":[{{\"id\":\"{long}\",\"kind\":\"mdn\"}},{ids}]"))),
        ("one text", rest(&format!("\"a\":\"{long}\""))),
        ("escapes", rest(&format!("\"a\":\"{}\"", "\\u0041".repeat(size / 6)))),
        ("zeros", rest(&format!("\"a\":[{}]", count(131_000, |_| "0,".to_owned())))),
        ("objects of one member", rest(&format!("\"a\":[{}]", count(40_000, |_| "{\"a\":0},".to_owned())))),
        (
            "objects in depth",
            rest(&format!("\"a\":[{}]", count(900, |_| format!("{}0{},", "{\"a\":".repeat(44), "}".repeat(44))))),
        ),
        (
            "items of objects in depth",
            rest(&format!(
                "\"a\":[{}]",
                count(900, |_| format!("{}{{\"mdn\":\"5550100101\"}}{},", "{\"a\":".repeat(40), "}".repeat(40)))
            )),
        ),
        ("many names", rest(&repeated(size, |number| format!("\"a{number}\":0,")))),
        ("one name many times", rest(&repeated(size / 2, |_| "\"a\":0,".to_owned()))),
        (
            "deep arrays",
            rest(&format!("\"a\":{}{}{}", in_depth("["), count(131_000, |_| "0,".to_owned()), in_depth("]"))),
        ),
        ("too many zeros", rest(&format!("\"a\":[{}]", repeated(size, |_| "0,".to_owned())))),
        ("too many objects", rest(&format!("\"a\":[{}]", repeated(size, |_| "{\"a\":0},".to_owned())))),
        (
            "devices and repeated slots",
            soap(&format!(
                "{devices}<Data>{}</Data>",
                count(2_000, |number| format!(
                    "<Usage><BytesUsed>{number}</BytesUsed><ServicePlan>a plan</ServicePlan></Usage>"
                ))
            )),
        ),
        ("devices", soap(&repeated(size, device))),
        (
            "devices with attributes",
            soap(&repeated(size, |number| {
                format!("<Device a=\"\"><Kind>mdn</Kind><Identifier>{number}</Identifier></Device>")
            })),
        ),
        (
            "distinct kinds",
            soap(&repeated(size, |number| format!("<Device><Kind>{number}</Kind><Identifier>1</Identifier></Device>"))),
        ),
        (
            "slots that name devices",
            soap(&format!(
                "<Data>{}</Data>",
                repeated(size, |number| format!("<Usage><Mdn>555{number:07}</Mdn></Usage>"))
            )),
        ),
        (
            "attributes that name devices",
            soap(&format!("<Data>{}</Data>", repeated(size, |number| format!("<U mdn=\"555{number:07}\"/>")))),
        ),
        ("attributes", soap(&repeated(size, |_| "<a b=\"\" c=\"\" d=\"\" e=\"\" f=\"\" g=\"\" h=\"\"/>".to_owned()))),
        ("empty elements", soap(&count(131_000, |_| "<a/>".to_owned()))),
        ("too many empty elements", soap(&repeated(size, |_| "<a/>".to_owned()))),
        ("elements in depth", soap(&count(900, |_| format!("{}{}", "<a>".repeat(40), "</a>".repeat(40))))),
        ("devices and a long slot", soap(&format!("{devices}<Data><Usage>{long}</Usage></Data>"))),
        (
            "devices and a long fault",
            soap(&format!("{devices}<Data><Fault><faultstring>{long}</faultstring></Fault></Data>")),
        ),
        ("references", soap(&format!("<a>{}</a>", "&amp;".repeat(size / 5)))),
    ]
}

#[test]
fn a_message_takes_at_most_ten_times_its_length_and_a_constant() {
    let mut measured: Vec<_> = families()
        .into_iter()
        .map(|(family, body)| {
            assert!(body.len() <= MAX_BODY_BYTES, "{family}: {}", body.len());
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let parts = Callback::parse(body.as_bytes(), None).map(|callback| callback.message.into_parts());
            let peak = ALLOCATOR.peak_usage().saturating_sub(before);
            (peak, body.len(), parts.map(|parts| parts.len()), family)
        })
        .collect();
    measured.sort_by_key(|(peak, ..)| *peak);
    for (peak, length, parts, family) in &measured {
        println!("{:5.1} MiB of {:4} KiB, parts {parts:?}: {family}", *peak as f64 / 1048576.0, length / 1024);
    }
    for (peak, length, _, family) in measured {
        assert!(peak <= 10 * length + CONSTANT, "{family}: {peak} of {length}");
    }
}
