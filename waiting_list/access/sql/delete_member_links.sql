-- Delete the open links of a member who is removed.
-- Locks those rows.
DELETE FROM member_links WHERE member_id = $1
