;; Never returns from one record.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32)
    (loop $again (br_if $again (i32.eq (local.get $length) (i32.const 8)))))
  (func $after (param $reply i32))
)
