-- Turn hash joins on ($1) and nested loops off ($2) until the transaction ends, and let it sort a whole list in memory: a draw
-- changes every entry, and finds each by its number otherwise. The same call with both turned round undoes that. Locks nothing.
SELECT set_config('enable_hashjoin', $1, true), set_config('enable_nestloop', $2, true), set_config('work_mem', '128MB', true)
