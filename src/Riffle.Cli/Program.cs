Console.Error.WriteLine("riffle");
return 2;
