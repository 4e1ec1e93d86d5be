-- Neovim with the configuration of docs/editors.md (-u), in a workspace whose
-- Tiltfile has a mistake in its third line.

local workspace = os.getenv("WORKSPACE")
local notes = {}
vim.notify = function(text) table.insert(notes, text) end

local function fail(format, ...)
  io.stderr:write("\nFAIL: " .. string.format(format, ...) .. "\n" .. vim.inspect(notes) .. "\n")
  io.stderr:write(table.concat(vim.fn.readfile(vim.lsp.get_log_path(), "", -20), "\n") .. "\n")
  vim.cmd("cquit 1")
end

local function wait(what, condition)
  if not vim.wait(60000, condition, 5) then fail("waited in vain for %s", what) end
end

local ok, problem = pcall(function()
  for i, text in ipairs(vim.fn.json_decode(vim.fn.readfile(os.getenv("SNIPPETS")))) do
    local parsed, why = loadstring(text)
    if not parsed then fail("block %d: %s", i, why) end
  end

  vim.cmd("edit " .. workspace .. "/Tiltfile")
  if vim.bo.filetype ~= "tiltfile" then fail("the filetype is %s", vim.bo.filetype) end
  wait("the server", function() return #vim.lsp.get_active_clients() == 1 end)
  wait("a diagnostic", function() return #vim.diagnostic.get(0) > 0 end)
  if vim.bo.omnifunc ~= "v:lua.vim.lsp.omnifunc" then fail("no omnifunc") end

  -- A file of another kind is attached to the same server.
  vim.fn.writefile({ "package main" }, workspace .. "/main.go")
  vim.cmd("edit " .. workspace .. "/main.go")
  wait("the server for Go", function() return next(vim.lsp.buf_get_clients(0)) ~= nil end)
  if #vim.lsp.get_active_clients() ~= 1 then fail("%d servers", #vim.lsp.get_active_clients()) end

  -- Commands, with an argument and without: what is refused is refused by the
  -- project, not by the form of the message.
  for _, command in ipairs({ "Towline up", "Towline trigger web", "Towline down" }) do
    notes = {}
    vim.cmd(command)
    wait("an answer to " .. command, function() return #notes > 0 end)
    local text = table.concat(notes, "\n")
    if text:find("unmarshal") or text:find("parameters") then fail("%s: %s", command, text) end
  end

  for _, client in pairs(vim.lsp.get_active_clients()) do client.stop() end
  wait("the server to end", function() return next(vim.lsp.get_active_clients()) == nil end)
end)
if not ok then fail("%s", tostring(problem)) end
io.stdout:write("\nPASS\n")
vim.cmd("qall!")
