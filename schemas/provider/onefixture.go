package provider

// ReadFixture reads one fixture file as [Library.Fixtures] reads it from a pack's
// folder; name is its path, for errors. Its error is [Problems], and the fixture
// then holds what could be read.
func ReadFixture(name string, data []byte) (Fixture, error) {
	f, problems := readFixture(name, data)
	return f, problems.err()
}
