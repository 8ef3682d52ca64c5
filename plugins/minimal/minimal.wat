;; The smallest complete guest: for each element it writes {"length":N}.
;;
;; Memory: the reply at 16, one tally at 64, texts from 96 on, digits below 144, and the
;; input from 65536 on with the output behind it. An element takes 16 bytes of the batch's
;; head and at most 22 of the output, so that twice the input's length is room enough.
(module
  (memory (export "memory") 1)
  (data (i32.const 72) "minimal")
  (data (i32.const 96) "{\22length\22:")

  (func (export "weir_abi_version") (result i32)
    i32.const 1)

  ;; Makes room for $len bytes of input.
  (func (export "weir_input") (param $len i32) (result i32)
    (local $missing i32)
    (if (i32.gt_u (local.get $len) (i32.const 0x10000000)) (then (return (i32.const 0))))
    (local.set $missing
      (i32.sub
        (i32.add (i32.const 2) (i32.shr_u (i32.mul (local.get $len) (i32.const 3)) (i32.const 16)))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (return (i32.const 0))))))
    i32.const 65536)

  ;; Takes any configuration, and uses none of it.
  (func (export "weir_configure") (param $len i32) (result i32)
    i32.const 0)

  ;; A real guest would also look at each element's fault, and reject what has one.
  (func (export "weir_run") (param $len i32) (param $first i32) (result i32)
    (local $elements i32) (local $index i32) (local $start i32) (local $out i32)
    (local $number i32) (local $digit i32)
    (local.set $elements (i32.load (i32.const 65536)))
    (local.set $index (local.get $first))
    (local.set $start (i32.add (i32.const 65536) (local.get $len)))
    (local.set $out (local.get $start))
    (loop $each
      (memory.copy (local.get $out) (i32.const 96) (i32.const 10))
      (local.set $out (i32.add (local.get $out) (i32.const 10)))

      ;; The element's length, behind 12 bytes of counts and 4 of its start; digits from the last.
      (local.set $number
        (i32.load offset=65552 (i32.mul (local.get $index) (i32.const 16))))
      (local.set $digit (i32.const 144))
      (loop $digits
        (local.set $digit (i32.sub (local.get $digit) (i32.const 1)))
        (i32.store8 (local.get $digit)
          (i32.add (i32.const 0x30) (i32.rem_u (local.get $number) (i32.const 10))))
        (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
        (br_if $digits (local.get $number)))
      (memory.copy (local.get $out) (local.get $digit) (i32.sub (i32.const 144) (local.get $digit)))
      (local.set $out (i32.add (local.get $out) (i32.sub (i32.const 144) (local.get $digit))))

      ;; The closing brace and a line break.
      (i32.store16 (local.get $out) (i32.const 0x0a7d))
      (local.set $out (i32.add (local.get $out) (i32.const 2)))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $index) (local.get $elements))))

    ;; next, normalized, filtered, rejected, filtered bytes
    (i32.store (i32.const 16) (local.get $elements))
    (i32.store (i32.const 20) (i32.sub (local.get $elements) (local.get $first)))
    ;; the records
    (i32.store (i32.const 36) (local.get $start))
    (i32.store (i32.const 40) (i32.sub (local.get $out) (local.get $start)))
    ;; no rejects; one tally: a count, and a name of 7 bytes
    (i32.store (i32.const 52) (i32.const 64))
    (i32.store (i32.const 56) (i32.const 15))
    (i32.store (i32.const 64) (i32.sub (local.get $elements) (local.get $first)))
    (i32.store (i32.const 68) (i32.const 7))
    i32.const 16)
)
