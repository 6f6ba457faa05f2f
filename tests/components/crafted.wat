;; A component written by hand, for what no compiler makes: answers that lie about themselves, tables and handles
;; without end, functions of the binary interface that do not come back. The first four bytes of the path, read as
;; one number, say which.
(component
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

  (type $hoarded (resource (rep i32)))
  (core func $new (canon resource.new $hoarded))
  (core instance $host (export "new" (func $new)))

  ;; Each instance of this has a memory of its own.
  (core module $annex
    (memory 1)
    (func (export "grow") (result i32) (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (core instance $a (instantiate $annex))
  (core instance $b (instantiate $annex))
  (core instance $c (instantiate $annex))
  (core instance $d (instantiate $annex))
  (core instance $e (instantiate $annex))
  (core instance $f (instantiate $annex))

  (core module $main
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "a" "grow" (func $a (result i32)))
    (import "b" "grow" (func $b (result i32)))
    (import "c" "grow" (func $c (result i32)))
    (import "d" "grow" (func $d (result i32)))
    (import "e" "grow" (func $e (result i32)))
    (import "f" "grow" (func $f (result i32)))
    ;; Below 256: answers and numbers as text. From 1024: what the host passes in. From 65536: lists and their bytes.
    (memory (export "memory") 4)
    (table $t 1 funcref)
    (table $u 1 funcref)
    (global $free (mut i32) (i32.const 1024))
    (global $last (mut i32) (i32.const 0))
    (global $attack (mut i32) (i32.const 0))

    (func $for-ever (loop $again (br $again)))

    ;; The host writes what it was given room for last before it asks for more.
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (if (i32.eq (i32.load (global.get $last)) (i32.const 0x736e692f)) (then (call $for-ever)))          ;; /ins
      (if (i32.eq (i32.load (global.get $last)) (i32.const 0x74756f2f)) (then (return (i32.const -8))))   ;; /out
      (if (i32.eq (i32.load (global.get $last)) (i32.const 0x61656c2f))                                   ;; /lea
        (then (drop (call $new (i32.const 7)))))
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get $size)))
      (global.set $last (local.get $at))
      (local.get $at))

    (func $answer (param $headers i32) (param $count i32) (param $body i32) (param $length i32) (result i32)
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store16 (i32.const 20) (i32.const 200))
      (i32.store (i32.const 24) (local.get $headers))
      (i32.store (i32.const 28) (local.get $count))
      (i32.store (i32.const 32) (local.get $body))
      (i32.store (i32.const 36) (local.get $length))
      (i32.const 16))

    ;; A number as the body of an answer, in decimal digits.
    (func $number (param $left i32) (result i32)
      (local $at i32)
      (local.set $at (i32.const 240))
      (loop $next
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $left) (i32.const 10))))
        (local.set $left (i32.div_u (local.get $left) (i32.const 10)))
        (br_if $next (local.get $left)))
      (call $answer (i32.const 0) (i32.const 0) (local.get $at) (i32.sub (i32.const 240) (local.get $at))))

    ;; Two tables in turn until neither grows; says how many elements both have.
    (func $grow-tables (result i32)
      (loop $again
        (br_if $again (i32.or
          (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))
          (i32.ne (table.grow $u (ref.null func) (i32.const 1000)) (i32.const -1)))))
      (call $number (i32.add (table.size $t) (table.size $u))))

    (func $hoard-handles (result i32)
      (loop $again (drop (call $new (i32.const 7))) (br $again))
      unreachable)

    ;; Six memories in turn until none grows; says how many pages they got.
    (func $grow-memories (result i32)
      (local $pages i32) (local $grown i32)
      (loop $again
        (local.set $grown (i32.add (i32.add (i32.add (call $a) (call $b)) (i32.add (call $c) (call $d)))
          (i32.add (call $e) (call $f))))
        (local.set $pages (i32.add (local.get $pages) (local.get $grown)))
        (br_if $again (local.get $grown)))
      (call $number (local.get $pages)))

    ;; So many entries of 16 bytes that all name the same 64 KiB.
    (func $overlapping (param $count i32)
      (local $at i32) (local $left i32)
      (local.set $at (i32.const 65536))
      (local.set $left (local.get $count))
      (loop $next
        (i32.store (local.get $at) (i32.const 131072))
        (i32.store offset=4 (local.get $at) (i32.const 65536))
        (i32.store offset=8 (local.get $at) (i32.const 131072))
        (i32.store offset=12 (local.get $at) (i32.const 65536))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $next (local.get $left))))

    (func (export "handle-route") (param $request i32) (result i32)
      (global.set $attack (i32.load (i32.load offset=16 (local.get $request))))
      (if (i32.eq (global.get $attack) (i32.const 0x6261742f)) (then (return (call $grow-tables))))       ;; /tab
      (if (i32.eq (global.get $attack) (i32.const 0x6e61682f)) (then (return (call $hoard-handles))))     ;; /han
      (if (i32.eq (global.get $attack) (i32.const 0x6d656d2f)) (then (return (call $grow-memories))))     ;; /mem
      (if (i32.eq (global.get $attack) (i32.const 0x65766f2f))                                            ;; /ove
        (then
          (call $overlapping (i32.const 4096))
          (return (call $answer (i32.const 65536) (i32.const 4096) (i32.const 0) (i32.const 0)))))
      (if (i32.eq (global.get $attack) (i32.const 0x6c6c612f))                                            ;; /all
        (then (return (call $answer (i32.const 65536) (i32.const 0x0fffffff) (i32.const 0) (i32.const 0)))))
      (if (i32.eq (global.get $attack) (i32.const 0x7473612f)) (then (return (i32.const -8))))            ;; /ast
      (if (i32.eq (global.get $attack) (i32.const 0x656e752f)) (then (return (i32.const 17))))            ;; /une
      (call $number (i32.const 0)))

    ;; After an answer that is right.
    (func (export "freed") (param i32)
      (if (i32.eq (global.get $attack) (i32.const 0x7466612f)) (then (call $for-ever)))                   ;; /aft
      (if (i32.eq (global.get $attack) (i32.const 0x6172632f)) (then unreachable)))                       ;; /cra

    (func (export "get-weights") (param i32 i64 i64 i32 i32 i64) (result i32)
      (call $overlapping (i32.const 4096))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (i32.const 65536))
      (i32.store (i32.const 24) (i32.const 4096))
      (i32.const 16))
    (func (export "weights-freed") (param i32)))

  (core instance $i (instantiate $main
    (with "host" (instance $host))
    (with "a" (instance $a)) (with "b" (instance $b)) (with "c" (instance $c))
    (with "d" (instance $d)) (with "e" (instance $e)) (with "f" (instance $f))))

  (func $handle-route (param "req" $request) (result (result $response (error $error)))
    (canon lift (core func $i "handle-route") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
      (post-return (core func $i "freed"))))
  (instance $routes (export "handle-route" (func $handle-route)))
  (export "platform:challenge/routes@0.1.0" (instance $routes))
  (func $get-weights (param "ctx" $context) (result (result (list $weight) (error $error)))
    (canon lift (core func $i "get-weights") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
      (post-return (core func $i "weights-freed"))))
  (instance $weights (export "get-weights" (func $get-weights)))
  (export "platform:challenge/weights@0.1.0" (instance $weights)))
