package main

import "runtime/debug"

// What the garbage collector may cost: little of the processor, because what a
// delivery leaves is small and dies young, and a bounded heap, because the deliveries
// in hand are bounded: 64 MiB of bodies, and about four times that for what is made of
// them.
const (
	collectAt   = 400       // percent of live memory, as GOGC
	memoryLimit = 512 << 20 // bytes, as GOMEMLIMIT
)

// tune sets what the operator has not set in the environment.
func tune(lookupEnv func(string) (string, bool)) {
	if _, set := lookupEnv("GOGC"); !set {
		debug.SetGCPercent(collectAt)
	}
	if _, set := lookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(memoryLimit)
	}
}
