"""Files: written whole or not at all, archives, snapshots, images, YAML."""
