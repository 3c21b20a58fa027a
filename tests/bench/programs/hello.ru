# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

run lambda { |env|
  body = "hello #{env['QUERY_STRING']}\n"
  [200, { "Content-Type" => "text/plain", "Content-Length" => body.bytesize.to_s }, [body]]
}
