//! Small guests in the text format, against the binary interface of the contract.

use std::fmt::Write;

use bytes::Bytes;

/// What the guest's `handle-route` does, by the second character of the path; anything else answers 200 with
/// the path as its body.
///
/// s: spin, t: trap, g: grow memory until refused and then trap, r: recurse for ever, h: as `g`, but with a
/// table, c: status 99, l: a header with a line end, n: not found, i: internal error, p: a body outside memory,
/// b: a body larger than allowed, w: work for some ticks of the clock and answer.
const HANDLE_ROUTE: &str = r#"
  (func $spin (loop $again (br $again)))
  (func $work (local $left i32)
    (local.set $left (i32.const 100000000))
    (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
  (func $recurse (call $recurse))
  (func $grow (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)
  (func $grow-table
    (loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1))))
    unreachable)
  (func $answer (param $status i32) (param $headers i32) (param $body i32) (param $len i32) (result i32)
    (i32.store8 (i32.const 16) (i32.const 0))
    (i32.store16 (i32.const 20) (local.get $status))
    (i32.store (i32.const 24) (i32.const 64))
    (i32.store (i32.const 28) (local.get $headers))
    (i32.store (i32.const 32) (local.get $body))
    (i32.store (i32.const 36) (local.get $len))
    (i32.const 16))
  (func $fail (param $case i32) (result i32)
    (i32.store8 (i32.const 16) (i32.const 1))
    (i32.store8 (i32.const 20) (local.get $case))
    (i32.store (i32.const 24) (i32.const 96))
    (i32.store (i32.const 28) (i32.const 4))
    (i32.const 16))
  (func $route (export "handle-route") (param $request i32) (result i32)
    (local $path i32) (local $len i32) (local $what i32)
    (local.set $path (i32.load offset=16 (local.get $request)))
    (local.set $len (i32.load offset=20 (local.get $request)))
    (if (i32.gt_u (local.get $len) (i32.const 1))
      (then (local.set $what (i32.load8_u offset=1 (local.get $path)))))
    (if (i32.eq (local.get $what) (i32.const 115)) (then (call $spin)))
    (if (i32.eq (local.get $what) (i32.const 119)) (then (call $work)))
    (if (i32.eq (local.get $what) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $what) (i32.const 103)) (then (call $grow)))
    (if (i32.eq (local.get $what) (i32.const 104)) (then (call $grow-table)))
    (if (i32.eq (local.get $what) (i32.const 114)) (then (call $recurse)))
    (if (i32.eq (local.get $what) (i32.const 99))
      (then (return (call $answer (i32.const 99) (i32.const 0) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 108))
      (then (return (call $answer (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 112))
      (then (return (call $answer (i32.const 200) (i32.const 0) (i32.const -8) (i32.const 100)))))
    (if (i32.eq (local.get $what) (i32.const 98))
      (then
        (drop (memory.grow (i32.const 200)))
        (return (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 9000000)))))
    (if (i32.eq (local.get $what) (i32.const 110)) (then (return (call $fail (i32.const 2)))))
    (if (i32.eq (local.get $what) (i32.const 105)) (then (return (call $fail (i32.const 4)))))
    (call $answer (i32.const 200) (i32.const 0) (local.get $path) (local.get $len)))
"#;

/// After an answer the guest overwrites it, as one that frees memory does.
///
/// `get-weights` answers with as many entries as the epoch says, all the same. Epoch 7777777 spins, epoch
/// 8888888 names a hotkey that is not UTF-8.
const GET_WEIGHTS: &str = r#"
  (func $weights (export "get-weights") (param i32) (param $epoch i64) (param i64 i32 i32 i64) (result i32)
    (local $left i32) (local $at i32)
    (loop $again (br_if $again (i64.eq (local.get $epoch) (i64.const 7777777))))
    (if (i64.eq (local.get $epoch) (i64.const 8888888))
      (then (i32.store8 (i32.const 112) (i32.const 255)) (local.set $epoch (i64.const 1))))
    (local.set $left (i32.wrap_i64 (local.get $epoch)))
    (local.set $at (i32.const 65536))
    (drop (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $left) (i32.const 4096)))))
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $left)))
      (i32.store (local.get $at) (i32.const 112))
      (i32.store offset=4 (local.get $at) (i32.const 5))
      (f64.store offset=8 (local.get $at) (f64.const 0.5))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $again)))
    (i32.store8 (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (i32.const 65536))
    (i32.store (i32.const 24) (i32.wrap_i64 (local.get $epoch)))
    (i32.const 16))
  (func (export "freed") (param i32)
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 1024))
    (memory.fill (i32.const 65536) (i32.const 255) (i32.const 65536)))
"#;

/// The interface `types` of the contract, as an import.
const TYPES: &str = r#"
  (import "platform:challenge/types@0.1.0" (instance $types
    (type $headers' (list (tuple string (list u8))))
    (export "headers" (type $headers (eq $headers')))
    (type $caller' (record (field "hotkey" string) (field "uid" (option u16))))
    (export "caller" (type $caller (eq $caller')))
    (type $request' (record (field "id" string) (field "method" string) (field "path" string)
      (field "query" (option string)) (field "headers" $headers) (field "body" (list u8))
      (field "caller" (option $caller))))
    (export "request" (type $request (eq $request')))
    (type $response' (record (field "status" u16) (field "headers" $headers) (field "body" (list u8))))
    (export "response" (type $response (eq $response')))
    (type $weight' (record (field "hotkey" string) (field "score" f64)))
    (export "weight" (type $weight (eq $weight')))
    (type $error' (variant (case "bad-request" string) (case "unauthorized" string) (case "not-found" string)
      (case "busy" string) (case "internal" string)))
    (export "error" (type $error (eq $error')))
    (type $context' (record (field "netuid" u16) (field "epoch" u64) (field "block" u64)
      (field "block-hash" (list u8)) (field "unix-seconds" u64)))
    (export "epoch-context" (type $context (eq $context')))))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (alias export $types "weight" (type $weight))
  (alias export $types "error" (type $error))
  (alias export $types "epoch-context" (type $context))
"#;

const ROUTES: &str = r#"
  (func $handle-route (param "req" $request) (result (result $response (error $error)))
    (canon lift (core func $i "handle-route") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
      (post-return (core func $i "freed"))))
  (instance $routes (export "handle-route" (func $handle-route)))
  (export "platform:challenge/routes@0.1.0" (instance $routes))
"#;

const WEIGHTS: &str = r#"
  (func $get-weights (param "ctx" $context) (result (result (list $weight) (error $error)))
    (canon lift (core func $i "get-weights") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
      (post-return (core func $i "freed"))))
  (instance $weights (export "get-weights" (func $get-weights)))
  (export "platform:challenge/weights@0.1.0" (instance $weights))
"#;

/// A component that needs as little as one can: a page of memory. It answers with nothing.
pub(crate) fn smallest() -> Bytes {
    let text = format!(
        r#"(component {TYPES}
          (core module $m
            (memory (export "memory") 1)
            (data (i32.const 20) "\c8")
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "handle-route") (param i32) (result i32) (i32.const 16)))
          (core instance $i (instantiate $m))
          (func $handle-route (param "req" $request) (result (result $response (error $error)))
            (canon lift (core func $i "handle-route") (memory (core memory $i "memory"))
              (realloc (core func $i "realloc"))))
          (instance $routes (export "handle-route" (func $handle-route)))
          (export "platform:challenge/routes@0.1.0" (instance $routes)))"#
    );
    wat::parse_str(text).unwrap().into()
}

/// A component of the contract.
pub(crate) fn challenge(with_routes: bool, with_weights: bool) -> Bytes {
    let mut exports = String::new();
    if with_routes {
        exports += ROUTES;
    }
    if with_weights {
        exports += WEIGHTS;
    }
    assemble(TYPES, "", &exports)
}

/// A component that is called in every way.
pub(crate) fn whole() -> Bytes {
    challenge(true, true)
}

/// A component that imports these interfaces, empty ones, besides exporting `routes`.
pub(crate) fn importing(names: &[&str]) -> Bytes {
    let mut imports = TYPES.to_owned();
    for name in names {
        writeln!(imports, "(import \"{name}\" (instance))").unwrap();
    }
    assemble(&imports, "", ROUTES)
}

/// A component that exports nothing but empty interfaces of these names.
pub(crate) fn exporting(names: &[&str]) -> Bytes {
    let mut text = "(component (instance $empty)".to_owned();
    for name in names {
        writeln!(text, "(export \"{name}\" (instance $empty))").unwrap();
    }
    wat::parse_str(text + ")").unwrap().into()
}

/// A component with these manifests, in its core module and in itself.
pub(crate) fn with_manifests(inner: Option<&str>, outer: Option<&str>) -> Bytes {
    let section = |json: Option<&str>| {
        json.map_or(String::new(), |json| {
            format!(
                "(@custom \"platform:manifest\" \"{}\")",
                json.replace('"', "\\\"")
            )
        })
    };
    assemble(TYPES, &section(inner), &(ROUTES.to_owned() + &section(outer)))
}

/// A component whose `handle-route` takes a string and gives a string.
pub(crate) fn with_another_type() -> Bytes {
    let exports = r#"
      (func $f (param "req" string) (result string)
        (canon lift (core func $i "text") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (instance $routes (export "handle-route" (func $f)))
      (export "platform:challenge/routes@0.1.0" (instance $routes))
    "#;
    let core = r#"(func (export "text") (param i32 i32) (result i32) (i32.const 0))"#;
    assemble("", core, exports)
}

/// A component that answers like the others and has so many more core instances of `module`.
pub(crate) fn with_instances(module: &str, count: usize) -> Bytes {
    let more = "(core instance (instantiate $more))".repeat(count);
    assemble(
        TYPES,
        "",
        &format!("(core module $more {module}) {more} {ROUTES}"),
    )
}

/// `handle-route` by this core function.
fn routes_by(function: &str) -> String {
    format!(
        r#"(func $handle-route (param "req" $request) (result (result $response (error $error)))
             (canon lift (core func {function}) (memory (core memory $i "memory"))
               (realloc (core func $i "realloc"))))
           (instance $routes (export "handle-route" (func $handle-route)))
           (export "platform:challenge/routes@0.1.0" (instance $routes))"#
    )
}

/// A component that answers when its table, of one element, has grown by so many.
pub(crate) fn growing_a_table(by: u32) -> Bytes {
    let grow = format!(
        r#"(func (export "grow") (param i32) (result i32)
             (if (i32.eq (table.grow $t (ref.null func) (i32.const {by})) (i32.const -1)) (then unreachable))
             (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0)))"#
    );
    assemble(TYPES, &grow, &routes_by(r#"$i "grow""#))
}

/// A component that makes handles of a resource of its own until it is stopped.
pub(crate) fn hoarding_handles() -> Bytes {
    let hoard = r#"
      (type $hoarded (resource (rep i32)))
      (core func $new (canon resource.new $hoarded))
      (core module $hoarder
        (import "host" "new" (func $new (param i32) (result i32)))
        (func (export "hoard") (param i32) (result i32)
          (loop $again (drop (call $new (i32.const 7))) (br $again)) unreachable))
      (core instance $hoarding (instantiate $hoarder (with "host" (instance (export "new" (func $new))))))
    "#;
    assemble(
        TYPES,
        "",
        &(hoard.to_owned() + &routes_by(r#"$hoarding "hoard""#)),
    )
}

/// A component that counts its calls: `/` is answered with as many bytes, weights with as many entries, other paths
/// as by the others.
pub(crate) fn counting() -> Bytes {
    let count = r#"
      (global $calls (mut i32) (i32.const 0))
      (func $count (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
      (func (export "route") (param $request i32) (result i32)
        (call $count)
        (if (i32.gt_u (i32.load offset=20 (local.get $request)) (i32.const 1))
          (then (return (call $route (local.get $request)))))
        (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (global.get $calls)))
      (func (export "weigh") (param i32 i64 i64 i32 i32 i64) (result i32)
        (call $count)
        (call $weights (i32.const 0) (i64.extend_i32_u (global.get $calls)) (i64.const 0) (i32.const 0) (i32.const 0)
          (i64.const 0)))"#;
    let weigh = WEIGHTS
        .replace("\"get-weights\") (memory", "\"weigh\") (memory")
        .replace("(post-return (core func $i \"freed\"))", "");
    assemble(TYPES, count, &(routes_by(r#"$i "route""#) + &weigh))
}

/// A component that leaves marks in all that it can reach of its instance, or counts those that it finds.
pub(crate) fn remembering() -> Bytes {
    let text = include_str!("../../../../tests/components/remember.wat");
    wat::parse_str(text).unwrap().into()
}

fn assemble(imports: &str, core: &str, exports: &str) -> Bytes {
    // Below 128: answers and texts; from 1024: what the host passes in; from 65536: long answers.
    let text = format!(
        r#"(component {imports}
          (core module $m
            (memory (export "memory") 2)
            (table $t 1 funcref)
            (global $free (mut i32) (i32.const 1024))
            (data (i32.const 64) "\50\00\00\00\01\00\00\00\51\00\00\00\03\00\00\00" "xa\0ab")
            (data (i32.const 96) "oops")
            (data (i32.const 112) "5Some")
            (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
              (local $at i32)
              (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
              (global.set $free (i32.add (local.get $at) (local.get $size)))
              (local.get $at))
            {HANDLE_ROUTE} {GET_WEIGHTS} {core})
          (core instance $i (instantiate $m))
          {exports})"#
    );
    wat::parse_str(text).unwrap().into()
}

/// A component with a function beside that computes so many products, one after the other.
pub(crate) fn with_a_long_function(products: usize) -> Bytes {
    let product = "(local.set 0 (i64.mul (local.get 0) (i64.add (local.get 0) (i64.const 3))))";
    let module = format!(
        "(func (export \"f\") (param i64) (result i64) {} (local.get 0))",
        product.repeat(products)
    );
    with_instances(&module, 1)
}
