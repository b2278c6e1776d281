-- To forget why somebody was moved is to find the few changes that have a reason, not to read a list's history.

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX history_reasons ON history (list_id, number) WHERE reason IS NOT NULL;
