-- Delete the offers of entries to other persons that nobody accepted in time, so that no address stays.
-- Locks those rows.
DELETE FROM transfers WHERE expires_at < statement_timestamp() AND transferred_at IS NULL
