;; Claims two rejects and tells of one.
(module
  (; honest.inc ;)
  (data (i32.const 256) "\00\00\00\00\00\00\00\00\00\00\00\00\03\00\00\00\6f\64\64\03\00\00\00\77\68\79")
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store offset=12 (local.get $reply) (i32.const 2))
    (i32.store offset=28 (local.get $reply) (i32.const 256))
    (i32.store offset=32 (local.get $reply) (i32.const 26)))
)
