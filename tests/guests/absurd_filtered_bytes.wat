;; Claims that it filtered more bytes than it got.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store offset=8 (local.get $reply) (i32.const 1))
    (i32.store offset=16 (local.get $reply) (i32.const 2147483647)))
)
