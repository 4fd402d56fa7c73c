package event

// Kinds lists every kind, in the order of the contract.
func Kinds() []Kind {
	return []Kind{Payin, Payout, Transfer, Refund, Fee, Dispute, UnknownKind}
}

// States lists every state, in the order of the contract.
func States() []State {
	return []State{Pending, Authorized, Confirmed, Settled, Failed, Expired, Canceled, Reversed, UnknownState}
}

// Directions lists every direction, in the order of the contract.
func Directions() []Direction {
	return []Direction{In, Out, Internal, UnknownDirection}
}

// Rails lists every rail, in the order of the contract.
func Rails() []Rail {
	return []Rail{Pix, Card, Wallet, Crypto, InternalRail, UnknownRail}
}

// Valid reports whether k is one of the closed set.
func (k Kind) Valid() bool {
	switch k {
	case Payin, Payout, Transfer, Refund, Fee, Dispute, UnknownKind:
		return true
	}
	return false
}

// Valid reports whether s is one of the closed set.
func (s State) Valid() bool {
	switch s {
	case Pending, Authorized, Confirmed, Settled, Failed, Expired, Canceled, Reversed, UnknownState:
		return true
	}
	return false
}

// Valid reports whether d is one of the closed set.
func (d Direction) Valid() bool {
	switch d {
	case In, Out, Internal, UnknownDirection:
		return true
	}
	return false
}

// Valid reports whether r is one of the closed set.
func (r Rail) Valid() bool {
	switch r {
	case Pix, Card, Wallet, Crypto, InternalRail, UnknownRail:
		return true
	}
	return false
}
