-- Containers are reached over the connection to their engine: nothing is published at an address of the server any more.
ALTER TABLE gpu_servers DROP COLUMN address;
