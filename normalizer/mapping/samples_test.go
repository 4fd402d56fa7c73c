package mapping

import (
	"net/textproto"
	"time"

	"paybridge/schemas/delivery"
)

func picpayDelivery() *delivery.Delivery {
	return &delivery.Delivery{
		Source: "picpay", Provider: "picpay", Endpoint: delivery.DefaultEndpoint, Scheme: "token",
		ReceivedAt: time.Date(2025, 4, 16, 14, 30, 5, 123456789, time.UTC),
		Header:     textproto.MIMEHeader{"Event-Type": {"TransactionUpdateMessage"}},
		Body:       []byte(picpay),
	}
}

// picpay is the published example of PicPay's charge webhook, indented as its page
// has it: https://developers-business.picpay.com/pix/en/docs/webhook
const picpay = `{
  "type": "PAYMENT",
  "eventDate": "2025-04-16T11:30:04.157929932",
  "merchantDocument": "47723455000100",
  "merchantCode": "000000001179422",
  "id": "d65712a5-6222-4156-883a-d89e5fa9c87b",
  "data": {
    "status": "PAID",
    "amount": 10000,
    "originalAmount": 10000,
    "refundedAmount": 0,
    "customer": {
      "document": "01414553064",
      "documentType": "CPF",
      "email": "pessoa.dev@picpay.com",
      "name": "Pessoa desenvolvedora"
    },
    "merchantChargeId": "6751cac1-9e13-437d-bbf9-8f00708b9b20",
    "smartCheckoutId": null,
    "paymentSource": "GATEWAY",
    "lateCapture": false,
    "transactions": [
      {
        "createdAt": "2025-04-16T14:29:31.393779",
        "transactionId": "160784f8-e433-4c3a-b587-d78abe1725da",
        "status": "PAID",
        "numberOfInstallments": 2,
        "softDescriptor": "PicPay",
        "paymentType": "PIX",
        "amount": 10000,
        "originalAmount": 10000,
        "refundedAmount": 0,
        "updatedAt": "2025-04-16T14:30:04.109002406",
        "pix": {
          "qrCode": "00033526810014br.gov.bcb.pix2559qr-code.picpay.com/pix/d4700523-263b-4103-8a4c-ccfe2a80d03d5204000053039865802BR5917EMPRESA6009Itu62070503***0102F1F2",
          "qrCodeBase64": null,
          "endToEndId": "E00416911112501234429olrr6BQh8vW",
          "payer": {
            "id": "26204109",
            "name": "Amanda Barbosa",
            "documentNumber": "29708061000",
            "type": "REGULAR",
            "bankIspb": "22896431",
            "branchNumber": "1",
            "bankName": "PICPAY"
          }
        }
      }
    ]
  }
}`
