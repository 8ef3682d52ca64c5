;; Gives a reason that is no UTF-8.
(module
  (; honest.inc ;)
  (data (i32.const 256) "\00\00\00\00\00\00\00\00\00\00\00\00\03\00\00\00\6f\64\64\02\00\00\00\ff\fe")
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store offset=12 (local.get $reply) (i32.const 1))
    (i32.store offset=28 (local.get $reply) (i32.const 256))
    (i32.store offset=32 (local.get $reply) (i32.const 25)))
)
