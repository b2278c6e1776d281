-- Keep the cosignature of a witness for a checkpoint of one list, unless there is one for a later checkpoint.
-- Locks the row.
UPDATE checkpoints SET cosigned = cosigned || jsonb_build_object($2::text, jsonb_build_object('size', $3::bigint, 'line', $4::text))
WHERE list_id = $1 AND coalesce((cosigned -> $2::text ->> 'size')::bigint, 0) < $3
