// What Grafana's data source does through its driver, against a gateway: prints one line of JSON.
//
// Usage: program ADDRESS USER PASSWORD DATABASE [write]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

type found map[string]any

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	address, user, password, database := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": 20}))
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{address},
		Protocol:    clickhouse.HTTP,
		Auth:        clickhouse.Auth{Username: user, Password: password, Database: database},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionGZIP},
	})
	must(err)
	defer conn.Close()
	must(conn.Ping(ctx))
	server, err := conn.ServerVersion()
	must(err)
	out := found{"server": server.DisplayName}
	if len(os.Args) > 5 {
		write(ctx, conn, out)
	}
	read(ctx, conn, out)
	must(json.NewEncoder(os.Stdout).Encode(out))
}

func read(ctx context.Context, conn driver.Conn, out found) {
	var sum uint64
	asked := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"upto": "11"}))
	must(conn.QueryRow(asked, "SELECT sum(number) FROM numbers({upto:UInt64})").Scan(&sum))
	out["sum"] = sum

	rows, err := conn.Query(ctx, "SELECT toDateTime64(0, 6, 'UTC') AS at, toLowCardinality('x') AS code, 1.5 AS value WHERE 0")
	must(err)
	types := []string{}
	for _, column := range rows.ColumnTypes() {
		types = append(types, column.Name()+" "+column.DatabaseTypeName())
	}
	if rows.Next() {
		must(errors.New("an empty answer has a row"))
	}
	must(rows.Err())
	out["empty"] = types

	many := 0
	rows, err = conn.Query(ctx, "SELECT number, toString(number) FROM numbers(200000)")
	must(err)
	for rows.Next() {
		many++
	}
	must(rows.Err())
	out["many"] = many

	var code int32
	_, err = conn.Query(ctx, "SELECT nothing_of_this_name")
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		code = exception.Code
	}
	out["code"] = code

	tables := []string{}
	rows, err = conn.Query(ctx, "SHOW TABLES")
	must(err)
	for rows.Next() {
		var name string
		must(rows.Scan(&name))
		tables = append(tables, name)
	}
	must(rows.Err())
	out["tables"] = tables
}

func write(ctx context.Context, conn driver.Conn, out found) {
	must(conn.Exec(ctx, "DROP TABLE IF EXISTS limen.go"))
	must(conn.Exec(ctx, `CREATE TABLE limen.go (
		id UInt64, name Nullable(String), code LowCardinality(String), tags Array(String), at DateTime64(6, 'UTC'),
		amount Decimal(18, 4), uuid UUID, pair Map(String, Int32), ok Bool, day Date, detail JSON
	) ENGINE = MergeTree ORDER BY id`))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO limen.go (id, name, code, tags, at, amount, uuid, pair, ok, day)")
	must(err)
	at := time.Date(2024, 2, 29, 12, 30, 15, 123456000, time.UTC)
	id := uuid.MustParse("01234567-89ab-cdef-0123-456789abcdef")
	text := "门"
	for number := range 1000 {
		name := &text
		if number%2 == 1 {
			name = nil
		}
		must(batch.Append(uint64(number), name, "c", []string{"a", "b"}, at, decimal.RequireFromString("12.3456"),
			id, map[string]int32{"k": -1}, true, at))
	}
	must(batch.Send())
	must(conn.Exec(ctx, `ALTER TABLE limen.go UPDATE detail = '{"a": {"b": 1}}' WHERE 1 SETTINGS mutations_sync = 1`))
	var (
		count  uint64
		name   *string
		code   string
		tags   []string
		when   time.Time
		amount decimal.Decimal
		back   uuid.UUID
		pair   map[string]int32
		ok     bool
		day    time.Time
		detail string
	)
	must(conn.QueryRow(ctx, "SELECT count() FROM limen.go").Scan(&count))
	must(conn.QueryRow(ctx, "SELECT name, code, tags, at, amount, uuid, pair, ok, day, detail FROM limen.go WHERE id = 998").Scan(
		&name, &code, &tags, &when, &amount, &back, &pair, &ok, &day, &detail))
	out["rows"] = count
	out["row"] = []any{*name, code, tags, when.UTC().Format(time.RFC3339Nano), amount.String(), back.String(),
		pair["k"], ok, day.Format(time.DateOnly), detail}
	must(conn.Exec(ctx, "DROP TABLE limen.go"))
}
