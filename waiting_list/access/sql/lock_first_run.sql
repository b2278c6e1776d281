-- Let simultaneous first runs wait for each other until the transaction ends. A signing key serves as the lock.
-- Locks the row of that key, which is otherwise only read.
SELECT s.purpose FROM signing_keys s WHERE s.purpose = 'derived' FOR NO KEY UPDATE
