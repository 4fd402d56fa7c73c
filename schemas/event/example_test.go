package event_test

import (
	"fmt"

	"paybridge/schemas/event"
)

func ExampleSubject() {
	fmt.Println(event.Subject("pik", event.Payin, event.Confirmed, "payment.confirmed"))
	fmt.Println(event.Subject("pik", event.UnknownKind, event.UnknownState, "charge.*"))
	// Output:
	// payments.pik.payin.confirmed.payment.confirmed
	// payments.pik.unknown.unknown.charge.=2A
}

func ExampleNewMoney() {
	for _, amount := range [][2]string{{"100.5", "BRL"}, {"75.00", "USDT"}, {"10.005", "USD"}} {
		m, notes, err := event.NewMoney(amount[0], amount[1])
		if err != nil {
			fmt.Println(err)
			return
		}
		minor := "null"
		if m.Minor != nil {
			minor = *m.Minor
		}
		fmt.Println(m.Value, m.Currency, minor, notes)
	}
	// Output:
	// 100.50 BRL 10050 []
	// 75.00 USDT null [unknown_exponent]
	// 10.005 USD null [excess_precision]
}
