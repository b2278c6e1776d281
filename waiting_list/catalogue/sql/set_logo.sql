-- Give an organization a logo ($2), or none.
-- Locks the organization's row.
INSERT INTO organizations AS o (organization_id, logo) VALUES ($1, $2)
ON CONFLICT (organization_id) DO UPDATE SET logo = excluded.logo
