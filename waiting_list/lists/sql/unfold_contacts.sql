-- Forget the mailboxes of one list, so that the rule computes them again the way the list folds addresses now.
-- Locks those rows; runs under the list's lock.
UPDATE contacts SET mailbox = NULL, sole_place = false
WHERE list_id = $1 AND mailbox IS NOT NULL
