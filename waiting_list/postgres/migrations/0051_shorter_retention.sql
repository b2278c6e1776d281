-- How many days after the end of a list an organization keeps its fans. NULL: as long as the deployment does. Additions only:
-- the version before goes on as before, and keeps them as long as the deployment.
ALTER TABLE organizations ADD COLUMN personal_data_kept_days integer CHECK (personal_data_kept_days > 0);
