//! What becomes of a request: the table that authors read, with how each row is done.

/// What a challenge does, what it gets by the documentation, how it is done, and what comes of it here. A code of the
/// contract is looked for in what the guest says.
pub(crate) const ROWS: &[(&str, &str, &str, &str)] = &[
    (
        "It sends to a host that the manifest asks for and the operator allows",
        "the answer",
        "/send\nGET http api.example.com /hello?a=b",
        "200 ",
    ),
    (
        "… over TLS, to a server with a certificate for that name",
        "the answer",
        "/send\nGET https api.example.com /hello",
        "200 ",
    ),
    (
        "… below a name that is allowed with `*.`, at the port of the rule",
        "the answer",
        "/send\nGET http a.b.example.org:8080 /hello",
        "200 ",
    ),
    (
        "… to an address, or to `localhost`, that the operator wrote itself",
        "the answer",
        "/send\nGET http localhost:9000 /hello",
        "200 ",
    ),
    (
        "It sends to a host that only the manifest asks for",
        "`HTTP-request-denied`",
        "/send\nGET http asked.example.com /",
        "",
    ),
    (
        "It sends to a host that only the operator allows",
        "`HTTP-request-denied`",
        "/send\nGET http allowed.example.com /",
        "",
    ),
    (
        "It sends to another port",
        "`HTTP-request-denied`",
        "/send\nGET http api.example.com:8080 /",
        "",
    ),
    (
        "It sends with another scheme",
        "`HTTP-request-denied`",
        "/send\nGET http wrong.example.com /",
        "",
    ),
    (
        "It names a user, or a host that could be read in two ways",
        "`HTTP-request-URI-invalid`",
        "/send\nGET http api.example.com@evil.example.net /",
        "",
    ),
    (
        "It sends to a name whose address is not the world's",
        "`destination-IP-prohibited`",
        "/send\nGET http intern.example.com /",
        "",
    ),
    (
        "… or one of whose addresses is not",
        "`destination-IP-prohibited`",
        "/send\nGET http both.example.com /",
        "",
    ),
    (
        "It sends to a name that has no address",
        "`DNS-error`",
        "/send\nGET http unknown.example.com /",
        "",
    ),
    (
        "Nobody listens",
        "`connection-refused`",
        "/send\nGET http api.example.com:81 /",
        "",
    ),
    (
        "The connection takes too long, with its TLS",
        "`connection-timeout`",
        "/send\nGET https api.example.com:8443 /",
        "",
    ),
    (
        "The server has a certificate for another name, or one that the host does not trust",
        "`TLS-certificate-error`",
        "/send\nGET https wrong.example.com /",
        "",
    ),
    (
        "The server does not answer in time",
        "`HTTP-response-timeout`",
        "/send\nGET http api.example.com /never",
        "",
    ),
    (
        "… or not within the time that the challenge gave it",
        "`connection-read-timeout`",
        "/send\nGET http api.example.com /never\nfirst-byte 50",
        "",
    ),
    (
        "The server leads elsewhere",
        "the answer, which nobody follows",
        "/send\nGET http api.example.com /elsewhere\nshow location",
        "302 location=http://10.0.0.1/",
    ),
    (
        "The server closes before it answers",
        "`connection-terminated`",
        "/send\nGET http api.example.com /early",
        "",
    ),
    (
        "The server closes in the middle of its body",
        "`HTTP-response-incomplete` of the stream",
        "/send\nGET http api.example.com /half",
        "",
    ),
    (
        "The server pauses for longer than the challenge said",
        "`connection-read-timeout` of the stream",
        "/send\nGET http api.example.com /pause\nbetween-bytes 50",
        "",
    ),
    (
        "The server's body has no end, or is too large",
        "`HTTP-response-body-size` of the stream",
        "/send\nGET http api.example.com /endless",
        "",
    ),
    (
        "The server's headers have no end, or are too large",
        "`HTTP-response-header-section-size`",
        "/send\nGET http api.example.com /endless-headers",
        "",
    ),
    (
        "The server does not speak HTTP",
        "`HTTP-protocol-error`",
        "/send\nGET http api.example.com /garbage",
        "",
    ),
    (
        "It sends a body that is too large",
        "`HTTP-request-body-size`",
        "/send\nPOST http api.example.com /upload\nbody 100000",
        "",
    ),
    (
        "It sends headers that are too large",
        "`HTTP-request-header-section-size`",
        "/send\nGET http api.example.com /\nheader x-large: LARGE",
        "",
    ),
    (
        "It sends more requests in one call than it may",
        "`connection-limit-reached`",
        "/one-by-one\nGET http api.example.com /\ntimes 9",
        "5 then",
    ),
    (
        "It sends more at the same time than it may",
        "`connection-limit-reached`",
        "/at-once\nGET http api.example.com /never\ntimes 4",
        "responsetimeout",
    ),
    (
        "It asks for a tunnel with `CONNECT`",
        "`HTTP-request-method-invalid`",
        "/send\nCONNECT http api.example.com /",
        "",
    ),
    (
        "It sets `Host`, `Connection`, `Proxy-*` or another header that is for one hop",
        "header error `forbidden`",
        "/send\nGET http api.example.com /\nheader host: evil.example.net",
        "",
    ),
];

/// Of the same table, and more than one request each: tests of their own below.
pub(crate) const MORE_ROWS: [(&str, &str); 3] = [
    (
        "A name has another address at the next lookup",
        "each request goes to the addresses that were checked for it",
    ),
    (
        "It drops a request, or does not wait for it until its call ends",
        "the connection is closed",
    ),
    (
        "Its call runs out of time",
        "the call fails, the connection is closed",
    ),
];
