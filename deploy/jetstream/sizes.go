package jetstream

import "paybridge/config"

// All three streams together take at most half of a disk, within these bounds.
// The lower one leaves WEBHOOKS its least size.
const (
	mostBytes  = 20 * config.GiB
	leastBytes = 5 * config.GiB
)

// LeastWebhooks is the least size of WEBHOOKS that Check accepts where the
// configuration leaves it open.
const LeastWebhooks = 2 * config.GiB

// sized fills the sizes that the configuration leaves open: two fifths of what
// the disk allows for WEBHOOKS, two for PAYMENTS, one for DEADLETTERS. A disk
// that nobody knows is taken as large.
func sized(s config.Streams) config.Streams {
	all := mostBytes
	if s.Disk > 0 {
		all = min(max(s.Disk/2, leastBytes), mostBytes)
	}
	fill(&s.Webhooks, all/5*2)
	fill(&s.Payments, all/5*2)
	fill(&s.DeadLetters, all/5)
	return s
}

func fill(s *config.Stream, size config.Size) {
	if s.MaxBytes == 0 {
		s.MaxBytes = size
	}
}

// Reserved is how many bytes the streams may take on disk together, for the
// storage limit of an embedded server.
func Reserved(s config.Streams) config.Size {
	s = sized(s)
	return s.Webhooks.MaxBytes + s.Payments.MaxBytes + s.DeadLetters.MaxBytes
}
