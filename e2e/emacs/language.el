;;; language.el --- eglot uses the language server  -*- lexical-binding: t -*-

;;; Commentary:

;; Run by Go as: emacs --batch -f package-initialize -l language.el
;; with the program in $TOWLINE and the project's folder in $WORKSPACE.
;; It prints PASS, or fails with exit code 1.

;;; Code:

(require 'eglot)
(require 'flymake)

(defvar towline-timeout 60 "Seconds to wait for anything.")

(defun towline-fail (format &rest args)
  "Fail with the message that FORMAT and ARGS make."
  (message "FAIL: %s" (apply #'format format args))
  (let ((server (eglot-current-server)))
    (when server
      (with-current-buffer (jsonrpc-events-buffer server)
        (message "%s" (buffer-substring-no-properties (max (point-min) (- (point-max) 8000)) (point-max))))))
  (kill-emacs 1))

(defun towline-wait (what condition)
  "Wait until CONDITION, a function, returns non-nil; WHAT says for what."
  (let ((end (time-add nil towline-timeout)) (found nil))
    (while (not (or (setq found (funcall condition)) (time-less-p end nil)))
      (accept-process-output nil 0.01))
    (or found (towline-fail "waited in vain for %s" what))))

(define-derived-mode towline-mode prog-mode "Tiltfile" "A mode for Tiltfiles.")
(add-to-list 'eglot-server-programs
             `(towline-mode . (,(getenv "TOWLINE") "lsp")))
(setq eglot-sync-connect towline-timeout
      eglot-confirm-server-initiated-edits nil
      make-backup-files nil)

(defun towline-messages ()
  "The texts of the buffer's diagnostics."
  (mapcar #'flymake-diagnostic-text (flymake-diagnostics)))

(find-file (expand-file-name "Tiltfile" (getenv "WORKSPACE")))
(towline-mode)
;; The project is the folder, without any version control.
(setq-local project-find-functions (list (lambda (_) (cons 'transient (getenv "WORKSPACE")))))
(call-interactively #'eglot)
(towline-wait "the server" #'eglot-current-server)

;; The mistake of the third line is shown, and goes when it is repaired.
(towline-wait "a diagnostic" (lambda () (flymake-start) (towline-messages)))
(goto-char (point-max))
(forward-line -1)
(delete-region (line-beginning-position) (line-end-position))
(insert "name = '😀'; docker_build('web', '.')")
(eglot--signal-textDocument/didChange)
(towline-wait "the diagnostic to go" (lambda () (flymake-start) (null (towline-messages))))

;; Completion and hover behind a character of two UTF-16 units.
(goto-char (line-end-position))
(insert "\nx = '😀' + docker_b")
(eglot--signal-textDocument/didChange)
(let* ((data (eglot-completion-at-point))
       (found (all-completions "docker_b" (nth 2 data))))
  (unless (member "docker_build" (mapcar #'substring-no-properties found))
    (towline-fail "completions: %S" found)))
(delete-region (line-beginning-position) (line-end-position))
(forward-line -1)
(search-forward "docker_")
(eglot--signal-textDocument/didChange)
(let* ((hover (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                               (eglot--TextDocumentPositionParams)))
       (text (plist-get (plist-get hover :contents) :value)))
  (unless (and text (string-match-p "docker_build" text))
    (towline-fail "hover: %S" hover)))

(save-buffer)
(message "PASS")
(eglot-shutdown (eglot-current-server))
(kill-emacs 0)
;;; language.el ends here
