//go:build !race

package normalizer

// raceDetector says that everything takes ten times as long.
const raceDetector = false
