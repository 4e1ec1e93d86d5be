-- The language features, as far as they need no cluster.
local t = require("towline")
t.start()
local buffer = t.open("Tiltfile", "tiltfile")

t.diagnostics(buffer, "the first diagnostics", function(list) return #list == 1 end)
local first = vim.diagnostic.get(buffer)[1]
t.expect("line of the diagnostic", first.lnum, 2)
t.expect("source of the diagnostic", first.source, "towline")

-- Repair it; the emoji before the edit makes wrong columns show.
vim.api.nvim_buf_set_lines(buffer, 2, 3, false, { "name = '😀'; docker_build('web', '.')" })
t.diagnostics(buffer, "the diagnostics to go", function(list) return #list == 0 end)

vim.api.nvim_buf_set_lines(buffer, 3, 3, false, { "x = '😀' + docker_b" })
local completion = t.request(buffer, "textDocument/completion", 4, #"x = '😀' + docker_b")
local labels = vim.tbl_map(function(item) return item.label end, completion.items)
t.expect("docker_build among the completions", vim.tbl_contains(labels, "docker_build"), true)
vim.api.nvim_buf_set_lines(buffer, 3, 4, false, {})

local hover = t.request(buffer, "textDocument/hover", 3, #"name = '😀'; docker_")
t.expect("hover on docker_build", hover.contents.value:find("docker_build", 1, true) ~= nil, true)

vim.cmd("write")
t.done()
