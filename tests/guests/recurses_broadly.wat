;; Calls itself twice at each of sixty levels: no loop, no deep recursion, and no end in sight.
(module
  (func $broader (param $levels i32)
    (if (local.get $levels)
      (then
        (call $broader (i32.sub (local.get $levels) (i32.const 1)))
        (call $broader (i32.sub (local.get $levels) (i32.const 1))))))
  (memory (export "memory") 64)
  (func (export "weir_abi_version") (result i32) i32.const 1)
  (func (export "weir_input") (param $len i32) (result i32) i32.const 65536)
  (func (export "weir_configure") (param $len i32) (result i32) i32.const 0)
  (func (export "weir_run") (param $len i32) (param $first i32) (result i32)
    (call $broader (i32.const 60))
    unreachable)
)
