//! What a stranger may take of the host before a request of it is known. What a request may take is the service's affair.

use std::time::Duration;

/// From the first moment of a connection, TLS and all, or from its last answer, to the end of a request's head. So it also ends
/// connections that are idle. A client that takes longer holds a connection for nothing.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// In which a client has to take something of its answer, and [`LEAST_TAKEN`] when there is more. As long as a body may take; an
/// answer of megabytes stays in memory that long.
pub(crate) const WRITE_TIME: Duration = Duration::from_secs(30);
/// Bytes of an answer that a client has to take while it is waited for that long in all: 2 KB a second, as by telephone. One that
/// takes a byte now and then would keep what its answer holds, such as a place of a container, for as long as it likes.
pub(crate) const LEAST_TAKEN: usize = 64 * 1024;
/// Connections at the same time; more wait to be accepted. Each costs a descriptor and, at rest, some 20 KiB.
pub(crate) const MAX_CONNECTIONS: usize = 4096;
/// Connections of one IPv4 address or one /64 of IPv6 at the same time; more are closed at once. A browser opens six and an office
/// shares one address; and 64 such strangers have to come together to take all of the places.
pub(crate) const MAX_CONNECTIONS_PER_NETWORK: usize = 64;
/// The head of a request, all header lines together. Clients and proxies rarely send more than 8 KiB.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The listener is out of descriptors or the network is down: looking again at once would only burn CPU.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A client that still sends when its answer is out, as with a body that was refused, is listened to while no pause is longer
/// than this. Closing a connection with unread bytes resets it, and many clients then never read the answer.
pub(crate) const LINGER_PAUSE: Duration = Duration::from_secs(1);
/// A client that does not stop to send when its answer is out is listened to for this long.
pub(crate) const LINGER: Duration = Duration::from_secs(10);
/// Bytes of such a client that are discarded at a time.
pub(crate) const DISCARDED: usize = 8 * 1024;
/// Bytes of a connection that are read before its version is known: most requests as a whole, and no more than one page.
pub(crate) const FIRST_READ: usize = 1024;

/// Requests at the same time on one connection of HTTP/2: the least that RFC 9113 recommends. A proxy that brings many clients
/// opens more connections.
pub(crate) const MAX_STREAMS: u32 = 100;
/// Streams that a client may have opened and reset before the host looked at them. A burst of more is an attack (rapid reset,
/// CVE-2023-44487) and ends the connection.
pub(crate) const MAX_RESET_STREAMS: usize = 20;
/// Streams that the host may have to reset in the life of one connection because of what the client did with them. More is an
/// attack that makes the host do the resetting (CVE-2025-8671), and ends the connection. Not less, because through a proxy come
/// many clients, of whom one may be clumsy.
pub(crate) const MAX_BROKEN_STREAMS: usize = 1024;
/// Bytes of an answer that wait on one stream for a client to read on. With all streams 6.4 MiB a connection.
pub(crate) const MAX_SEND_BUFFER: usize = 64 * 1024;
/// Bytes of a body that a client may send on one stream before the service reads on. At a round trip of 100 ms, 2.5 MB/s.
pub(crate) const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes of all bodies on one connection before the service reads on. What a connection costs in memory: two bodies at full speed.
pub(crate) const CONNECTION_WINDOW: u32 = 512 * 1024;
/// The largest frame, in bytes; the least that the protocol allows. With the largest head it also bounds CONTINUATION frames: after 5
/// that do not end the head, the next one ends the connection (CVE-2024-27316).
pub(crate) const MAX_FRAME: u32 = 16 * 1024;
/// Bytes of an answer that are handed over at once: a frame.
pub(crate) const ANSWER_PIECE: usize = 16 * 1024;
/// Bytes of the table in which HTTP/2 keeps headers that repeat, in each direction; what the protocol begins with.
pub(crate) const HEADER_TABLE: u32 = 4096;
/// A connection of HTTP/2 on which nothing is heard for this long is asked whether somebody is there. A request may take long
/// while nobody waits for it any more.
pub(crate) const PING_AFTER: Duration = Duration::from_secs(20);
/// For the answer to that.
pub(crate) const PING_TIME: Duration = Duration::from_secs(10);
/// A connection of HTTP/2 that was told to end, and has nothing in flight, is cut after this. An answer to it takes one round trip.
pub(crate) const LEAVE_TIME: Duration = Duration::from_secs(5);
/// Connections that were upgraded have this long to end by themselves when the host stops. They say nothing of when they will.
pub(crate) const UPGRADED_STOP_TIME: Duration = Duration::from_secs(5);

/// How often the files of certificate and key are looked at. They change every few weeks, and the old pair is valid for days
/// when they do.
pub(crate) const CERTIFICATE_LOOK: Duration = Duration::from_secs(10);
/// The largest file of certificates or of a key that is read. A chain of certificates has some 10 KiB.
pub(crate) const MAX_PEM_BYTES: u64 = 1024 * 1024;
