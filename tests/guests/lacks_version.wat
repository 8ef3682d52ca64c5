;; Says nothing of its version.
(module
  (memory (export "memory") 1)
)
