//! Invalid requests: each is answered with its own error in the protocol of the sender, and nothing is recorded.

use insta::assert_snapshot;
use local_tests::{EXTERNAL, GOLDEN, Stack};

#[tokio::test]
async fn bad_input_gets_a_clear_answer_and_leaves_nothing_behind() {
    let stack = Stack::new().await;
    let post = async |service: &str, content_type: Option<&str>, body: &[u8]| {
        let (status, content_type, body) = stack.post_to(service, content_type, body.to_vec()).await;
        format!("{status} {content_type}\n{body}")
    };
    let xml = Some("text/xml");

    assert_snapshot!(post(EXTERNAL, xml, b"<s:Envelope><broken").await, @r#"
    400 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>The XML is not well-formed (byte 12).</faultstring><detail><errorCode>INPUT_INVALID.Body.DeserializationFailed</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post(EXTERNAL, xml, b"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>").await, @r#"
    400 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>A document type definition is not allowed.</faultstring><detail><errorCode>INPUT_INVALID.Body.DeserializationFailed</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post(EXTERNAL, xml, b"<html><body>hello</body></html>").await, @r#"
    400 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>The body is well-formed, but not a callback message.</faultstring><detail><errorCode>INPUT_INVALID.Body.NotACallback</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post(EXTERNAL, Some("application/json"), b"{\"hello\":\"world\"}").await, @r#"
    400 application/json
    {"errorCode":"INPUT_INVALID.Body.NotACallback","errorMessage":"The body is well-formed, but not a callback message."}
    "#);
    assert_snapshot!(post(EXTERNAL, Some("application/json"), b"{\"requestId\":").await, @r#"
    400 application/json
    {"errorCode":"INPUT_INVALID.Body.DeserializationFailed","errorMessage":"The JSON is not well-formed (line 1, column 13)."}
    "#);
    assert_snapshot!(post(EXTERNAL, Some("image/png"), GOLDEN[0].as_bytes()).await, @r#"
    415 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>The content type is neither XML nor JSON.</faultstring><detail><errorCode>INPUT_INVALID.ContentType.Unsupported</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post(EXTERNAL, Some("text/plain"), b"hello").await, @r#"
    415 application/json
    {"errorCode":"INPUT_INVALID.ContentType.Unsupported","errorMessage":"The content type is neither XML nor JSON."}
    "#);
    assert_snapshot!(post(EXTERNAL, xml, b"").await, @r#"
    400 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>The body is empty.</faultstring><detail><errorCode>INPUT_INVALID.RequestUndefined</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post(EXTERNAL, None, b"").await, @r#"
    400 application/json
    {"errorCode":"INPUT_INVALID.RequestUndefined","errorMessage":"The body is empty."}
    "#);
    assert_snapshot!(post(EXTERNAL, xml, &vec![b' '; 2 * 1024 * 1024]).await, @r#"
    413 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>The body is over 1048576 bytes.</faultstring><detail><errorCode>INPUT_INVALID.Body.TooLarge</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post(EXTERNAL, Some("application/json"), &vec![b' '; 2 * 1024 * 1024]).await, @r#"
    413 application/json
    {"errorCode":"INPUT_INVALID.Body.TooLarge","errorMessage":"The body is over 1048576 bytes."}
    "#);
    assert_snapshot!(post("No%20Service", xml, GOLDEN[0].as_bytes()).await, @r#"
    404 text/xml; charset=utf-8
    <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>There is no callback service of this name.</faultstring><detail><errorCode>INPUT_INVALID.ServiceName.Unknown</errorCode></detail></s:Fault></s:Body></s:Envelope>
    "#);
    assert_snapshot!(post("No%20Service", Some("application/json"), b"{}").await, @r#"
    404 application/json
    {"errorCode":"INPUT_INVALID.ServiceName.Unknown","errorMessage":"There is no callback service of this name."}
    "#);
    let (status, error) = stack.get(&format!("/callbacks/{EXTERNAL}")).await;
    assert_snapshot!(format!("{status}\n{error}"), @r#"
    405
    {"errorCode":"INPUT_INVALID.Method.NotAllowed","errorMessage":"Callbacks are sent with POST."}
    "#);

    assert!(stack.rows().await.is_empty());
    stack.topic_messages(0).await;
    let quarantined = stack.quarantined().await;
    let quarantined: Vec<_> =
        quarantined.iter().map(|message| (message.reason.as_str(), message.body.length())).collect();
    insta::assert_debug_snapshot!(quarantined, @r#"
    [
        (
            "The XML is not well-formed (byte 12).",
            19,
        ),
        (
            "A document type definition is not allowed.",
            64,
        ),
        (
            "The body is well-formed, but not a callback message.",
            31,
        ),
        (
            "The body is well-formed, but not a callback message.",
            17,
        ),
        (
            "The JSON is not well-formed (line 1, column 13).",
            13,
        ),
        (
            "The content type is neither XML nor JSON.",
            1630,
        ),
        (
            "The content type is neither XML nor JSON.",
            5,
        ),
        (
            "The body is over 1048576 bytes.",
            2097152,
        ),
        (
            "The body is over 1048576 bytes.",
            2097152,
        ),
        (
            "The body is over 1048576 bytes.",
            2097152,
        ),
        (
            "The body is over 1048576 bytes.",
            2097152,
        ),
    ]
    "#);

    assert_eq!(stack.post(GOLDEN[0]).await, 200);
    assert_eq!(stack.device("mdn/2300329133").await["version"], 1);
}
