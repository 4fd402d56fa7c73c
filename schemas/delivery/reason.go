package delivery

// Reason says why a delivery could not become an event. The set is closed.
type Reason string

// The reasons of dead letters.
const (
	MalformedJSON Reason = "malformed_json"
	TooDeep       Reason = "too_deep"
	TooLarge      Reason = "too_large"
	MappingFailed Reason = "mapping_failed"
	IDConflict    Reason = "id_conflict"
	Unsealed      Reason = "unsealed"
	CrashGuard    Reason = "crash_guard"
	Ignored       Reason = "ignored" // a ping or test event that the pack names: recorded, not an alarm
)

// Reasons lists every reason, in the order of the contract.
func Reasons() []Reason {
	return []Reason{MalformedJSON, TooDeep, TooLarge, MappingFailed, IDConflict, Unsealed, CrashGuard, Ignored}
}

// Valid reports whether r is one of the closed set.
func (r Reason) Valid() bool {
	switch r {
	case MalformedJSON, TooDeep, TooLarge, MappingFailed, IDConflict, Unsealed, CrashGuard, Ignored:
		return true
	}
	return false
}
