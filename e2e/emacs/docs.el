;;; docs.el --- Emacs with the configuration of docs/editors.md  -*- lexical-binding: t -*-

;;; Commentary:

;; Run by Go as: emacs --batch -f package-initialize -l docs.el
;; with the configuration in $INIT, that of docs/debugging.md in $DAPE and the
;; project's folder in $WORKSPACE. It prints PASS, or fails with exit code 1.

;;; Code:

(require 'eglot)
(require 'flymake)

(defun docs-fail (format &rest args)
  "Fail with the message that FORMAT and ARGS make."
  (message "FAIL: %s" (apply #'format format args))
  (kill-emacs 1))

(defun docs-wait (what condition)
  "Wait until CONDITION, a function, returns non-nil; WHAT says for what."
  (let ((end (time-add nil 60)) (found nil))
    (while (not (or (setq found (funcall condition)) (time-less-p end nil)))
      (accept-process-output nil 0.01))
    (or found (docs-fail "waited in vain for %s" what))))

(defun docs-read (file)
  "Read all forms of FILE, which need not have the packages that they configure."
  (with-temp-buffer
    (insert-file-contents file)
    (condition-case why
        (while t (read (current-buffer)))
      (end-of-file (unless (eobp) (docs-fail "%s: %S" file why))))))

(when (getenv "DAPE") (docs-read (getenv "DAPE")))
(load (getenv "INIT") nil t)
(setq eglot-sync-connect 60 make-backup-files nil python-indent-guess-indent-offset-verbose nil)

(let ((project-find-functions (list (lambda (_) (cons 'transient (getenv "WORKSPACE"))))))
  (find-file (expand-file-name "Tiltfile" (getenv "WORKSPACE")))
  (unless (eq major-mode 'tiltfile-mode) (docs-fail "the mode is %s" major-mode))
  (run-hooks 'post-command-hook)        ; where eglot-ensure has put its start
  (docs-wait "the server" #'eglot-current-server)
  (docs-wait "a diagnostic" (lambda () (flymake-start) (flymake-diagnostics)))
  ;; What is refused is refused by the project, not by the form of the message.
  (dolist (call '(("up") ("trigger" "web") ("down")))
    (condition-case why
        (apply #'towline call)
      (error
       (when (string-match-p "unmarshal\\|parameters" (error-message-string why))
         (docs-fail "%S: %s" call (error-message-string why)))))))

(eglot-shutdown (eglot-current-server) nil 10)
(message "PASS")

;;; docs.el ends here
