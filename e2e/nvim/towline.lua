-- What the Neovim scripts of this folder share: starting the server, waiting,
-- asking, and failing with a message. Written for Neovim 0.7 and later.
--
-- A script is run by Go as
--   nvim --headless -u NONE -c "lua package.path = 'e2e/nvim/?.lua;' .. package.path dofile(SCRIPT)"
-- with the program in $TOWLINE and the project's folder in $WORKSPACE. It ends
-- with M.done(), or with M.fail() and exit code 1.

local M = {
  program = os.getenv("TOWLINE"),
  workspace = os.getenv("WORKSPACE"),
  timeout = 60000, -- milliseconds
  messages = {}, -- window/showMessage
  progress = {}, -- values of $/progress
  statuses = {}, -- params of towline/status
}

function M.fail(format, ...)
  io.stderr:write("\nFAIL: " .. string.format(format, ...) .. "\n")
  io.stderr:write(table.concat(vim.fn.readfile(vim.lsp.get_log_path(), "", -30), "\n") .. "\n")
  vim.cmd("cquit 1")
end

function M.done()
  for _, client in pairs(vim.lsp.get_active_clients()) do
    client.stop()
  end
  M.wait("the server to end", function() return next(vim.lsp.get_active_clients()) == nil end)
  io.stdout:write("\nPASS\n")
  vim.cmd("qall!")
end

-- wait calls condition until it returns something true, which wait returns.
function M.wait(what, condition)
  local found
  if not vim.wait(M.timeout, function() found = condition() return found end, 5) then
    M.fail("waited in vain for %s", what)
  end
  return found
end

function M.expect(what, got, want)
  if not vim.deep_equal(got, want) then
    M.fail("%s: got %s, want %s", what, vim.inspect(got), vim.inspect(want))
  end
end

-- start starts the server as an editor's configuration would.
function M.start()
  vim.lsp.set_log_level("debug")
  local keep = function(list)
    return function(_, params) table.insert(list, params) end
  end
  M.client = vim.lsp.start_client({
    name = "towline",
    cmd = { M.program, "lsp" },
    root_dir = M.workspace,
    workspace_folders = { { uri = vim.uri_from_fname(M.workspace), name = "workspace" } },
    init_options = { status = true },
    handlers = {
      ["window/showMessage"] = keep(M.messages),
      ["$/progress"] = keep(M.progress),
      ["towline/status"] = keep(M.statuses),
      ["workspace/codeLens/refresh"] = function() return vim.NIL end,
    },
    on_exit = function(code) M.exit_code = code end,
  })
  return M.client
end

-- open edits a file of the workspace with the server attached.
function M.open(name, filetype)
  vim.cmd("edit " .. vim.fn.fnameescape(M.workspace .. "/" .. name))
  vim.bo.filetype = filetype
  local buffer = vim.api.nvim_get_current_buf()
  vim.lsp.buf_attach_client(buffer, M.client)
  M.wait("the server to be attached", function() return vim.lsp.buf_get_clients(buffer)[M.client] end)
  return buffer
end

-- request asks the server about a place: 1-based line, 0-based byte column.
function M.request(buffer, method, line, column, extra)
  local params = vim.tbl_extend("force", { textDocument = { uri = vim.uri_from_bufnr(buffer) } }, extra or {})
  if line then
    local text = vim.api.nvim_buf_get_lines(buffer, line - 1, line, false)[1] or ""
    params.position = { line = line - 1, character = vim.str_utfindex(text, column) }
    if vim.lsp.get_client_by_id(M.client).offset_encoding ~= "utf-8" then
      local _, utf16 = vim.str_utfindex(text, column)
      params.position.character = utf16
    end
  end
  local answers, problem = vim.lsp.buf_request_sync(buffer, method, params, M.timeout)
  local answer = answers and answers[M.client]
  if not answer then M.fail("%s: %s", method, problem or "no answer") end
  if answer.error or answer.err then M.fail("%s: %s", method, vim.inspect(answer)) end
  return answer.result
end

-- execute runs a command of the server; it returns the result and the error.
function M.execute(command, argument)
  local answer
  vim.lsp.get_client_by_id(M.client).request("workspace/executeCommand",
    { command = command, arguments = argument and { argument } or nil },
    function(problem, result) answer = { result = result, problem = problem } end)
  M.wait("the answer to " .. command, function() return answer end)
  return answer.result, answer.problem
end

-- diagnostics waits until those of a buffer satisfy a condition.
function M.diagnostics(buffer, what, condition)
  return M.wait(what, function()
    local list = vim.diagnostic.get(buffer)
    return condition(list) and list
  end)
end

-- status waits until the last status satisfies a condition.
function M.status(what, condition)
  return M.wait(what, function()
    local last = M.statuses[#M.statuses]
    return last and last.status and condition(last.status) and last.status
  end)
end

-- resource returns one resource of a status.
function M.resource(status, name)
  for _, r in ipairs(status.resources or {}) do
    if r.name == name then return r end
  end
end

return M
