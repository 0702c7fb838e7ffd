"""Own data: look at them, choose the columns, bring the file, draft the experiment."""
