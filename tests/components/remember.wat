;; Marks all that it can of its instance, or counts the marks that it finds: what one instance leaves behind, another
;; must not find. The first four bytes of the path, read as one number, say which; weights are as many as there are
;; marks, at most one.
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

  (core module $main
    ;; Below 256: answers and numbers as text. From 1024: what the host passes in. From 65536: marks, up to 4 MiB,
    ;; which is more than a slot keeps resident.
    (memory (export "memory") 2)
    (table $t 8 10000 funcref)
    (elem declare func $answer)
    (data (i32.const 112) "5Some")
    (global $free (mut i32) (i32.const 1024))
    (global $mark (mut i32) (i32.const 0))

    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get $size)))
      (local.get $at))

    (func $answer (param $body i32) (param $length i32) (result i32)
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store16 (i32.const 20) (i32.const 200))
      (i32.store (i32.const 24) (i32.const 0))
      (i32.store (i32.const 28) (i32.const 0))
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
      (call $answer (local.get $at) (i32.sub (i32.const 240) (local.get $at))))

    ;; As large as it is when it is marked, whatever it was.
    (func $grow
      (drop (memory.grow (i32.sub (i32.const 64) (memory.size))))
      (drop (table.grow $t (ref.null func) (i32.sub (i32.const 10000) (table.size $t)))))

    (func $leave-marks
      (call $grow)
      (global.set $mark (i32.const 1))
      (table.fill $t (i32.const 0) (ref.func $answer) (i32.const 10000))
      (memory.fill (i32.const 65536) (i32.const 0xa7) (i32.const 4128768)))

    ;; Words of memory, elements of the table, and the global, that are not as they were made.
    (func $marks (result i32)
      (local $found i32) (local $at i32)
      (call $grow)
      (local.set $found (global.get $mark))
      (loop $next
        (local.set $found (i32.add (local.get $found) (i32.eqz (ref.is_null (table.get $t (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 10000))))
      (local.set $at (i32.const 65536))
      (loop $next
        (local.set $found (i32.add (local.get $found) (i64.ne (i64.load (local.get $at)) (i64.const 0))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 4194304))))
      (local.get $found))

    (func (export "handle-route") (param $request i32) (result i32)
      (local $what i32)
      (local.set $what (i32.load (i32.load offset=16 (local.get $request))))
      (global.set $free (i32.const 1024))
      (if (i32.eq (local.get $what) (i32.const 0x6f6f6c2f)) (then (return (call $number (call $marks))))) ;; /loo
      (call $leave-marks)
      (if (i32.eq (local.get $what) (i32.const 0x6172632f)) (then unreachable))                           ;; /cra
      (if (i32.eq (local.get $what) (i32.const 0x6970732f)) (then (loop $again (br $again))))             ;; /spi
      (if (i32.eq (local.get $what) (i32.const 0x7473612f)) (then (return (i32.const -8))))               ;; /ast
      (call $number (call $marks)))

    (func (export "get-weights") (param i32 i64 i64 i32 i32 i64) (result i32)
      (local $found i32)
      (local.set $found (i32.ne (call $marks) (i32.const 0)))
      (i32.store (i32.const 128) (i32.const 112))
      (i32.store (i32.const 132) (i32.const 5))
      (f64.store (i32.const 136) (f64.const 1))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (i32.const 128))
      (i32.store (i32.const 24) (local.get $found))
      (i32.const 16)))
  (core instance $i (instantiate $main))

  (func $handle-route (param "req" $request) (result (result $response (error $error)))
    (canon lift (core func $i "handle-route") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $routes (export "handle-route" (func $handle-route)))
  (export "platform:challenge/routes@0.1.0" (instance $routes))
  (func $get-weights (param "ctx" $context) (result (result (list $weight) (error $error)))
    (canon lift (core func $i "get-weights") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $weights (export "get-weights" (func $get-weights)))
  (export "platform:challenge/weights@0.1.0" (instance $weights)))
