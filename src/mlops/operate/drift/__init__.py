"""Notice when the requests are unlike the rows that the live version was tested on."""
