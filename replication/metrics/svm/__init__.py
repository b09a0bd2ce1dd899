"""L2-SVMs: dual and primal solvers with certified gaps."""
