module homelab/pause

go 1.24
