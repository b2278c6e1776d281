-- End all sessions of a member.
-- Locks those rows.
DELETE FROM sessions WHERE member_id = $1
