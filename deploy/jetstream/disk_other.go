//go:build !linux && !darwin && !freebsd

package jetstream

import "paybridge/config"

// FreeDisk is 0 here, which means that nobody knows.
func FreeDisk(string) (config.Size, error) { return 0, nil }
